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
# when the packages were locked. Those of one that nobody signs (unsigned) have none.
. "$BUNDLE/steps/packages.sh"

# packager ARGUMENT... is dnf, or yum of EL7, with the bundle's repository and no other.
packager() {
	local -x no_proxy='*' NO_PROXY='*'
	if command -v dnf >/dev/null; then
		dnf -c "$work/packages.conf" "$@" </dev/null
	else
		yum -c "$work/packages.conf" "$@" </dev/null
	fi
}

# is_there is true as well where another package has the name.
is_there() { rpm -q --quiet --whatprovides "$1" >/dev/null 2>&1; }
is_installed() { rpm -q --quiet "$1" >/dev/null 2>&1; }
version_of() { rpm -q --qf '%{VERSION}\n' "$1" | head -n 1; }
list_packages() { rpm -qa --qf '%{NAME} %{ARCH} %{VERSION}-%{RELEASE}\n'; }
is_owned() { rpm -qf "$1" >/dev/null 2>&1; }

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
	mkdir -p "$work/cache" "$work/keys" "$work/log"
	for key in "$BUNDLE/keys/$PACKAGES_PLACE"/*.asc; do
		[[ -e $key ]] || continue # of an unsigned repository there are none
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
		# What dnf and yum would add to the host's logs.
		if [[ -n $DRY_RUN ]]; then printf 'logdir=%s\nlogfile=%s\n' "$work/log" "$work/log/yum.log"; fi
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

read_packages() { configure "$1" && packager -q makecache; }

simulate() {
	local said
	# Where something is to be done, the answer no is an error.
	said=$(packager --assumeno install "${wanted[@]}" 2>&1) || true
	take_apart "$said"
	if ((${#added[@]} + ${#upgraded[@]} == 0)) || [[ $said == *'No package '*' available'* ]]; then not_fitting "$said"; fi
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

# fetch_packages may call it a failure that nothing is installed, where there is but yum.
# Whether all are there is seen afterwards.
fetch_packages() { patient packager -y --downloadonly install "${wanted[@]}" || ! command -v dnf >/dev/null; }

file_of() { printf '%s-%s.%s.rpm' "$1" "${3#*:}" "$2"; }

# paths_in prints beside files of configuration what rpm may make of them.
paths_in() {
	local flags path
	rpm -qp --nosignature --qf '[%{FILEFLAGS:fflags}|%{FILENAMES}\n]' "$@" | while IFS='|' read -r flags path; do
		if [[ $flags == *c* ]]; then printf '%s\n' "$path".rpm{new,orig,save}; fi
		printf '%s\n' "$path"
	done
}

add_packages() {
	local name
	keyring | save keyring
	patient packager -y install "${wanted[@]}" || {
		forget_keys
		die 'the package manager could not install them; mend what it says and run install.sh again'
	}
	forget_keys
	for name in "${wanted[@]}"; do
		is_there "$name" || die "the package $name was not installed; run install.sh again"
	done
}

recover() { if [[ -z $DRY_RUN ]]; then forget_keys; fi; }

undo() {
	local name said ours=()
	while read -r name _; do
		if is_installed "$name"; then ours+=("$name"); fi
	done < <(noted added)
	if ((${#ours[@]})); then
		said=$(rpm -e --test "${ours[@]}" 2>&1) || die "these packages were installed later and need ours; remove them first:"$'\n'"$said"
	fi
	directories ${ours[@]+"${ours[@]}"} | note_stay
	if ((${#ours[@]})); then
		patient rpm -e "${ours[@]}"
		changed packages
	fi
	former_settings
}

# directories NAME... prints what packages make of directories: MODE USER:GROUP PATH.
directories() {
	local mode owner path
	if (($# == 0)); then return; fi
	rpm -q --qf '[%{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "$@" | while read -r mode owner path; do
		if [[ $mode == *4???? ]]; then
			mode=${mode: -4}
			printf '%s %s %s\n' "${mode#0}" "$owner" "$path"
		fi
	done
}

# former_settings takes away what rpm has made of files that were there before the packages,
# and keeps what was edited since.
former_settings() {
	local kind number path base
	local -A former=()
	while read -r kind number _ path; do
		if [[ $kind == file ]]; then former["$path"]=$kept/former/$number; fi
	done < <(noted paths)
	while read -r kind _ _ path; do
		if [[ $kind != absent || $path != *.rpm@(new|orig|save) || ! -e $path ]]; then continue; fi
		base=${path%.rpm*}
		if [[ $path != *.rpmnew ]] && ! same_file "${former["$base"]:-/dev/null}" "$path"; then keep_edited "$path" "$base"; fi
		rm -f "$path"
	done < <(noted paths)
}

hold_packages() {
	local pin names=()
	for pin in $PACKAGES_HELD; do names+=("${pin%%=*}"); done
	if ((${#names[@]})); then hold "${names[@]}"; fi
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

packages "$@"
