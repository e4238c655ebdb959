#!/bin/bash
# Packages of the operating system, from this bundle or from the registry host, and from
# nowhere else: the host's own repositories are neither asked nor changed. Nothing is
# removed or downgraded, and what is added is noted in /var/lib/satchel/packages, so that
# reset.sh, which calls undo here, removes exactly that. What is held in a version goes to
# another one with upgrade.sh alone, which begins with one of them: it calls move NAME.
#
# What is checked here: the indexes by the bundle's own checksums, every package by the
# indexes, and its own signature by the keys of the repository that it came from, which the
# bundle has in keys/. They are the host's only while this runs. Packages of a repository
# that signs its index instead (signedMetadata) may have no signature: theirs was checked
# when the packages were locked.
. "$BUNDLE/steps/lib.sh"
export LC_ALL=C

kept=$STATE/packages
work=/var/cache/satchel

# refuse TEXT ends the step before anything was changed, and leaves no files of its work.
refuse() {
	rm -rf "$work"
	die "$1"
}

# packager ARGUMENT... is dnf, or yum of EL7, with the bundle's repository and no other.
packager() {
	local -x no_proxy='*' NO_PROXY='*'
	if command -v dnf >/dev/null; then
		dnf -c "$work/packages.conf" "$@" </dev/null
	else
		yum -c "$work/packages.conf" "$@" </dev/null
	fi
}

# patient COMMAND... runs a command of rpm or dnf, and waits while another has its lock.
# What it says is shown when it fails.
patient() {
	local said begin=$SECONDS told=''
	until said=$("$@" 2>&1); do
		if [[ $said != *' lock'* ]] || ((SECONDS - begin >= ${SATCHEL_WAIT:-900})); then
			printf '%s\n' "$said" >&2
			return 1
		fi
		[[ -n $told ]] || printf 'waiting for another package manager on this host\n'
		told=1
		sleep 1
	done
}

# is_there NAME is true for a package that is installed, or whose name another one has.
is_there() { rpm -q --quiet --whatprovides "$1" >/dev/null 2>&1; }

# is_installed NAME is true for the package itself.
is_installed() { rpm -q --quiet "$1" >/dev/null 2>&1; }

# version_of NAME prints upstream's version of what is installed.
version_of() { rpm -q --qf '%{VERSION}\n' "$1" | head -n 1; }

# is_of VERSION UPSTREAM is true when a package's version is one of upstream's.
is_of() { [[ $1 == "$2" || $1 == "$2"[~+]* ]]; }

# save FILE writes what comes in, so that a power cut leaves the old or the new.
save() {
	mkdir -p "$kept"
	cat >"$kept/$1.new"
	sync "$kept/$1.new" 2>/dev/null || sync
	mv -f "$kept/$1.new" "$kept/$1"
}

# noted FILE prints a list of what was noted before.
noted() { if [[ -f $kept/$1 ]]; then cat "$kept/$1"; fi; }

# keyring prints the keys that rpm trusts.
keyring() { rpm -qa 'gpg-pubkey*' --qf '%{NAME}-%{VERSION}-%{RELEASE}\n' | sort; }

# forget_keys takes those away that came with an installation.
forget_keys() {
	local key
	if [[ ! -f $kept/keyring ]]; then return; fi
	for key in $(keyring); do
		if ! grep -qx "$key" <<<"$(noted keyring)"; then rpm -e "$key"; fi
	done
	rm -f "$kept/keyring"
}

# indexed prints the packages that may have no signature of their own.
indexed() {
	local sum path
	while read -r sum path; do
		if [[ $path == "packages/$PACKAGES_PLACE/indexed/"*.rpm ]]; then
			path=${path##*/}
			printf ' %s' "${path%.rpm}"
		fi
	done <"$BUNDLE/SHA256SUMS"
}

# section NAME FROM prints what packager reads of a repository.
section() {
	cat <<-END
		[$1]
		name=$1
		baseurl=$2/packages/$PACKAGES_PLACE
		enabled=1
		repo_gpgcheck=0
		module_hotfixes=1
	END
}

# configure FROM writes what packager reads, and nothing else of the host's configuration.
configure() {
	local key keys='' unsigned
	rm -rf "$work"
	mkdir -p "$work/cache" "$work/keys"
	for key in "$BUNDLE/keys/$PACKAGES_PLACE"/*.asc; do
		cp "$key" "$work/keys/"
		keys+=" file://$work/keys/$(basename "$key")"
	done
	unsigned=$(indexed)
	{
		cat <<-END
			[main]
			cachedir=$work/cache
			reposdir=/dev/null
			plugins=0
			best=1
			install_weak_deps=0
			clean_requirements_on_remove=0
			installonly_limit=0
		END
		section satchel "$1"
		printf 'gpgcheck=1\ngpgkey=%s\n' "${keys# }"
		if [[ -n $unsigned ]]; then
			printf 'exclude=%s\n' "${unsigned# }"
			section satchel-indexed "$1"
			printf 'gpgcheck=0\nincludepkgs=%s\n' "${unsigned# }"
		fi
	} >"$work/packages.conf"
}

# is_ours is true when dnf has read the packages of this bundle.
is_ours() {
	local sum path found same=1
	while read -r sum path; do
		[[ $path == "packages/$PACKAGES_PLACE/repodata/repomd.xml" ]] || continue
		for found in "$work"/cache/*/repomd.xml "$work"/cache/*/repodata/repomd.xml; do
			[[ -f $found ]] || continue
			[[ $(checksum "$found") == "$sum" ]] || return 1
			same=0
		done
	done <"$BUNDLE/SHA256SUMS"
	return "$same"
}

# brings_ours FROM reads again, and is true when it is them.
brings_ours() { configure "$1" && packager -q makecache && is_ours; }

# later says that a dry run cannot look at the packages yet, and ends it.
later() {
	printf 'would install from %s, which %s yet: %s\n' "$1" "$2" "${wanted[*]}"
	changed packages
	rm -rf "$work"
	exit
}

# open_repository has dnf read the bundle's repository, or the registry host's, which has
# to be the same.
open_repository() {
	local from=$BUNDLE said
	from=${from//%/%25}
	from=file://${from// /%20}
	if [[ -n $PACKAGES_URL ]]; then
		from=$PACKAGES_URL
		if [[ -n $DRY_RUN ]] && ! connects "${from#*://}"; then later "$from" 'does not answer'; fi
		wait_for "the packages at $from" connects "${from#*://}"
	fi
	configure "$from"
	said=$(packager -q makecache 2>&1) || refuse "cannot read the packages of the bundle:"$'\n'"$said"
	if is_ours; then return; fi
	# The registry host may be on its way to this bundle as well.
	if [[ -n ${UPGRADE:-} && -n $DRY_RUN ]]; then later "$from" "has not this bundle's packages"; fi
	if [[ -n ${UPGRADE:-} ]]; then wait_for "the packages of this bundle at $from" brings_ours "$from"; fi
	is_ours || refuse "$from has other packages than this bundle; nothing was changed. Install the registry host from this bundle first"
}

# take_apart reads the tables of a simulation: under a heading lines of a package's name,
# architecture, version, repository and size, in two lines where the name is long.
take_apart() {
	local line what='' row=() words
	added=() upgraded=()
	while IFS= read -r line; do
		case $line in
		'Installing'*:) what=add ;;
		'Upgrading'*: | 'Updating'*:) what=upgrade ;;
		'Removing'*: | 'Downgrading'*: | 'Reinstalling'*:) what=refuse ;;
		' '*'replacing '*) what=refuse ;;
		' '*) ;;
		*) what='' ;;
		esac
		[[ $line == ' '* ]] || row=()
		if [[ -z $what || $line != ' '*[![:space:]]* ]]; then continue; fi
		read -r -a words <<<"$line"
		row+=("${words[@]}")
		[[ $what != refuse ]] || refuse "this would remove or downgrade ${words[*]}, which is not ours to change; nothing was changed. Remove it yourself, or take its place out of the spec"
		if ((${#row[@]} < 5)); then continue; fi
		if [[ $what == add ]]; then added+=("${row[0]} ${row[1]} ${row[2]}"); else
			upgraded+=("${row[0]} ${row[1]} $(rpm -q --qf '%{VERSION}-%{RELEASE}\n' "${row[0]}" | tail -n 1) ${row[2]}")
		fi
		row=()
	done <<<"$1"
}

# note writes down what is about to be added, beside what earlier runs added.
note() {
	local entry
	if [[ ! -f $kept/before ]]; then
		rpm -qa --qf '%{NAME} %{ARCH} %{VERSION}-%{RELEASE}\n' | save before
	fi
	for entry in ${added[@]+"${added[@]}"}; do
		if grep -q "^${entry%% *} " <<<"$(noted added)"; then continue; fi
		{ noted added; printf '%s\n' "$entry"; } | save added
	done
	for entry in ${upgraded[@]+"${upgraded[@]}"}; do
		# What we added goes again in whatever version it is.
		if grep -q "^${entry%% *} " <<<"$(noted added)"; then continue; fi
		{ noted upgraded; printf '%s\n' "$entry"; } | save upgraded
	done
}

# undo removes what was added, and nothing that needs it.
undo() {
	local name rest said ours=()
	if [[ -z $DRY_RUN ]]; then forget_keys; fi
	while read -r name rest; do
		if is_installed "$name"; then ours+=("$name"); fi
	done < <(noted added)
	if ((${#ours[@]})); then
		said=$(rpm -e --test "${ours[@]}" 2>&1) || die "these packages were installed later and need ours; remove them first:"$'\n'"$said"
		run patient rpm -e "${ours[@]}"
		changed packages
	fi
	while read -r name _ _ rest; do
		printf 'note: %s stays in version %s, to which it was upgraded\n' "$name" "$rest"
	done < <(noted upgraded)
	if [[ -z $DRY_RUN ]]; then rm -rf "$kept" "$work"; fi
}

# hold NAME... keeps updates of the system from packages: their names are excluded in the
# configuration of dnf or yum, which reset.sh brings back. packager does not read it.
hold() {
	local conf=/etc/dnf/dnf.conf line name names main='' have=''
	[[ -e $conf ]] || conf=/etc/yum.conf
	if [[ -e $conf ]]; then
		have=$(grep -E '^(exclude|excludepkgs)[ =]' "$conf" || true)
	fi
	names=''
	for name in "$@"; do
		if [[ " ${have//[,=]/ } " != *[[:space:]]"$name"[[:space:]]* ]]; then names+=" $name"; fi
	done
	if [[ -z $names ]]; then return; fi
	scratch
	while IFS= read -r line || [[ -n $line ]]; do
		if [[ -n $have && $line == "${have%%$'\n'*}" && -z $main ]]; then
			line+=$names
			main=1
		fi
		printf '%s\n' "$line"
		if [[ -z $have && $line == '[main]'* && -z $main ]]; then
			printf 'exclude=%s\n' "${names# }"
			main=1
		fi
	done < <(if [[ -e $conf ]]; then cat "$conf"; else printf '[main]\n'; fi) >"$NEW"
	[[ -s $NEW ]] || printf '[main]\nexclude=%s\n' "${names# }" >"$NEW"
	settle "$conf" 644
}

if [[ ${1:-} == undo ]]; then
	undo
	exit
fi

if [[ -z $DRY_RUN ]]; then forget_keys; fi
one='' wanted=()
if [[ ${1:-} == move ]]; then one=$2; fi
for name in $PACKAGES $(noted added | cut -d ' ' -f 1); do
	if [[ -z $one ]] && ! is_there "$name" && [[ " ${wanted[*]-} " != *" $name "* ]]; then wanted+=("$name"); fi
done
held=()
for pin in $PACKAGES_HELD; do
	name=${pin%%=*}
	held+=("$name")
	if ! is_installed "$name" || is_of "$(version_of "$name")" "${pin#*=}"; then continue; fi
	[[ -n ${UPGRADE:-} ]] ||
		die "$name is installed in version $(version_of "$name"), and the bundle has ${pin#*=}; nothing was changed. On a node of the cluster ./upgrade.sh goes from one to the other; otherwise remove the package first"
	if [[ -z $one || $one == "$name" ]]; then wanted+=("$name"); fi
done
if ((${#wanted[@]})); then
	open_repository
	# Where something is to be done, the answer no is an error.
	said=$(packager --assumeno install "${wanted[@]}" 2>&1) || true
	take_apart "$said"
	if ((${#added[@]} + ${#upgraded[@]} == 0)) || [[ $said == *'No package '*' available'* ]]; then
		refuse "the packages of the bundle do not fit this host; nothing was changed. If it has less than the spec's baseline, make one of it with baseline.sh. The package manager says:"$'\n'"$said"
	fi
	for entry in ${added[@]+"${added[@]}"}; do
		read -r name _ version <<<"$entry"
		printf '%s %s %s\n' "${DRY_RUN:+would }install" "$name" "$version"
	done
	for entry in ${upgraded[@]+"${upgraded[@]}"}; do
		read -r name _ old version <<<"$entry"
		printf '%s %s from %s to %s\n' "${DRY_RUN:+would }upgrade" "$name" "$old" "$version"
	done
	if [[ -z $DRY_RUN ]]; then
		if [[ -n ${KUBERNETES_PACKAGES:-} ]]; then record_node; fi
		if [[ -n ${RUNTIME_PACKAGE:-} ]]; then record_runtime; fi
		record_own packages
		note
		keyring | save keyring
		patient packager -y install "${wanted[@]}" || {
			forget_keys
			die 'the package manager could not install them; mend what it says and run install.sh again'
		}
		forget_keys
		for name in "${wanted[@]}"; do
			is_there "$name" || die "the package $name was not installed; run install.sh again"
		done
	fi
	changed packages
	rm -rf "$work"
fi

# Packages whose version the spec says stay in it, whatever updates the host gets.
if ((${#held[@]})); then hold "${held[@]}"; fi
