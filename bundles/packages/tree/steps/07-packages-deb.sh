#!/bin/bash
# Packages of the operating system, from this bundle or from the registry host, and from
# nowhere else: the host's own repositories are neither asked nor changed. Nothing is
# removed or downgraded, services wait for their configuration, and what is added is noted
# in /var/lib/satchel/packages, so that reset.sh, which calls undo here, removes exactly that.
# What is held in a version goes to another one with upgrade.sh alone, which begins with
# one of them: it calls move NAME.
#
# What is checked here: the index by the bundle's own checksums, and every package by the
# index. No signature is: deb packages have none of their own, and that of the repository's
# index, by the keys in keys/, was checked when the packages were locked.
. "$BUNDLE/steps/lib.sh"
export LC_ALL=C DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1

kept=$STATE/packages
work=/var/cache/satchel
policy=/usr/sbin/policy-rc.d

# refuse TEXT ends the step before anything was changed, and leaves no files of its work.
refuse() {
	rm -rf "$work"
	die "$1"
}

# apt_alone ARGUMENT... is apt-get with the bundle's repository and no other.
apt_alone() {
	local server=${PACKAGES_URL#*://}
	apt-get -q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none -o "Acquire::http::Proxy::${server%:*}=DIRECT" \
		-o APT::Get::AutomaticRemove=false -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# patient COMMAND... runs a command of dpkg or apt, and waits while another has its lock.
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

# state NAME prints how dpkg has a package: ii is installed, rc has configuration left.
state() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null || true; }

# is_there NAME is true for a package that is whole.
is_there() { [[ $(state "$1") == ?'i '* ]]; }

# version_of NAME prints the version that is installed.
version_of() { dpkg-query -W -f='${Version}' "$1"; }

# is_of VERSION UPSTREAM is true when a package's version is one of upstream's: between
# epoch and revision it is the same, or goes on with ~ or +.
is_of() {
	local version=${1#*:}
	version=${version%-*}
	[[ $version == "$2" || $version == "$2"[~+]* ]]
}

# save FILE writes what comes in, so that a power cut leaves the old or the new.
save() {
	mkdir -p "$kept"
	cat >"$kept/$1.new"
	sync "$kept/$1.new" 2>/dev/null || sync
	mv -f "$kept/$1.new" "$kept/$1"
}

# noted FILE prints a list of what was noted before.
noted() { if [[ -f $kept/$1 ]]; then cat "$kept/$1"; fi; }

# no_starts has the scripts of packages start nothing while this process lives. What is
# left behind by a power cut does nothing any more, and the next run takes it away.
no_starts() {
	mkdir -p "$kept"
	if [[ -e $policy ]]; then cp -a "$policy" "$kept/policy-rc.d"; fi
	cat >"$policy.satchel-new" <<-END
		#!/bin/sh
		# Put here by satchel while it installs packages. Services start when they are configured.
		if [ "\$(cut -d ' ' -f 22 /proc/$$/stat 2>/dev/null)" = $(cut -d ' ' -f 22 "/proc/$$/stat") ]; then exit 101; fi
		if [ -x $kept/policy-rc.d ]; then exec $kept/policy-rc.d "\$@"; fi
	END
	chmod 755 "$policy.satchel-new"
	mv -f "$policy.satchel-new" "$policy"
}

# starts_again puts back what was there before no_starts.
starts_again() {
	rm -f "$policy.satchel-new"
	if ! grep -qs '^# Put here by satchel' "$policy"; then return; fi
	if [[ -e $kept/policy-rc.d ]]; then
		cp -a "$kept/policy-rc.d" "$policy.satchel-new"
		mv -f "$policy.satchel-new" "$policy"
		rm -f "$kept/policy-rc.d"
	else
		rm -f "$policy"
	fi
}

# empty_repository makes the directories of apt_alone, with no package.
empty_repository() {
	rm -rf "$work"
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
	: >"$work/sources.list"
}

# is_ours is true when apt has read the packages of this bundle.
is_ours() {
	local sum path
	while read -r sum path; do
		if [[ $path == "packages/$PACKAGES_PLACE/Release" ]]; then
			[[ $(sha256sum <"$(echo "$work"/lists/*_Release)") == "$sum "* ]]
			return
		fi
	done <"$BUNDLE/SHA256SUMS"
	return 1
}

# brings_ours reads again, and is true when it is them.
brings_ours() { apt_alone update && is_ours; }

# later says that a dry run cannot look at the packages yet, and ends it.
later() {
	printf 'would install from %s, which %s yet: %s\n' "$1" "$2" "${wanted[*]}"
	changed packages
	rm -rf "$work"
	exit
}

# open_repository has apt read the bundle's repository, or the registry host's, which has
# to be the same.
open_repository() {
	local from=$BUNDLE said
	empty_repository
	from=file:${from//%/%25}
	if [[ -n $PACKAGES_URL ]]; then
		from=$PACKAGES_URL
		if [[ -n $DRY_RUN ]] && ! connects "${from#*://}"; then later "$from" 'does not answer'; fi
		wait_for "the packages at $from" connects "${from#*://}"
	fi
	printf 'deb [trusted=yes] %s/packages/%s /\n' "${from// /%20}" "$PACKAGES_PLACE" >"$work/sources.list"
	said=$(apt_alone update 2>&1) || refuse "cannot read the packages of the bundle:"$'\n'"$said"
	if is_ours; then return; fi
	# The registry host may be on its way to this bundle as well.
	if [[ -n ${UPGRADE:-} && -n $DRY_RUN ]]; then later "$from" "has not this bundle's packages"; fi
	if [[ -n ${UPGRADE:-} ]]; then wait_for "the packages of this bundle at $from" brings_ours; fi
	is_ours || refuse "$from has other packages than this bundle; nothing was changed. Install the registry host from this bundle first"
}

# take_apart reads the lines of a simulation: "Inst NAME [OLD] (NEW ORIGIN [ARCH])".
take_apart() {
	local form='^Inst ([^ ]+)( \[([^]]+)\])? \(([^ ]+) .*\[([a-z0-9-]+)\]'
	added=() upgraded=()
	while IFS= read -r line; do
		case $line in
		'Remv '* | 'Purg '*) refuse "this would remove $(cut -d ' ' -f 2 <<<"$line"), which is not ours to remove; nothing was changed. Remove it yourself, or take its place out of the spec" ;;
		esac
		[[ $line =~ $form ]] || continue
		# One that was cut off is there, in this version, and not whole.
		if [[ -z ${BASH_REMATCH[3]} || ${BASH_REMATCH[3]} == "${BASH_REMATCH[4]}" ]]; then
			added+=("${BASH_REMATCH[1]} ${BASH_REMATCH[5]} ${BASH_REMATCH[4]}")
			continue
		fi
		dpkg --compare-versions "${BASH_REMATCH[4]}" ge "${BASH_REMATCH[3]}" ||
			refuse "this would downgrade ${BASH_REMATCH[1]} from ${BASH_REMATCH[3]} to ${BASH_REMATCH[4]}; nothing was changed"
		if [[ $(state "${BASH_REMATCH[1]}") == h* && " ${moved[*]-} " != *" ${BASH_REMATCH[1]} "* ]]; then
			refuse "this would upgrade ${BASH_REMATCH[1]}, which somebody holds in version ${BASH_REMATCH[3]}; nothing was changed"
		fi
		upgraded+=("${BASH_REMATCH[1]} ${BASH_REMATCH[5]} ${BASH_REMATCH[3]} ${BASH_REMATCH[4]}")
	done <<<"$1"
}

# empty_directories prints those that dpkg would take away with a package that has them too,
# such as /opt, which belongs to no package.
empty_directories() {
	find /etc /opt /srv /usr /var -maxdepth 4 -type d -empty -printf '%m %U:%G %p\n' 2>/dev/null || true
}

# bring_back makes directories again that went with the packages.
bring_back() {
	local mode owner dir
	while read -r mode owner dir; do
		if [[ -d $dir ]]; then continue; fi
		mkdir -p "$dir"
		chown "$owner" "$dir"
		chmod "$mode" "$dir"
	done < <(noted stay)
}

# note EMPTY writes down what is about to be added, and the directories that are empty
# before that, beside what earlier runs added.
note() {
	local entry name
	{ noted empty; printf '%s\n' "$1"; } | sort -u | save empty
	if [[ ! -f $kept/before ]]; then
		dpkg-query -W -f='${db:Status-Abbrev}${Package} ${Architecture} ${Version}\n' | save before
	fi
	for entry in ${added[@]+"${added[@]}"}; do
		name=${entry%% *}
		if grep -q "^$name " <<<"$(noted added)"; then continue; fi
		# Configuration that somebody left here stays when the package goes again.
		if [[ $(state "$name") == ?c* ]]; then entry+=' configured'; fi
		{ noted added; printf '%s\n' "$entry"; } | save added
	done
	for entry in ${upgraded[@]+"${upgraded[@]}"}; do
		# What we added goes again in whatever version it is.
		if grep -q "^${entry%% *} " <<<"$(noted added)"; then continue; fi
		{ noted upgraded; printf '%s\n' "$entry"; } | save upgraded
	done
}

# finish has dpkg finish what was cut off. What it cannot finish apt mends.
finish() {
	if [[ -z $(dpkg --audit) ]]; then return; fi
	if [[ -z $DRY_RUN ]]; then no_starts; fi
	run patient dpkg --configure -a || true
	if [[ -z $DRY_RUN ]]; then starts_again; fi
}

# undo removes what was added, and nothing that needs it.
undo() {
	local name rest what how also='' said ours=() remove=() purge=()
	if [[ -z $DRY_RUN ]]; then starts_again; fi
	finish
	while read -r name; do
		if [[ $(state "$name") == h* ]]; then run apt-mark unhold "$name" >/dev/null; fi
	done < <(noted held)
	while read -r name rest; do
		if [[ $(state "$name") == '' || $(state "$name") == ?n* ]]; then continue; fi
		how=--purge
		if [[ $rest == *' configured' ]]; then how=--remove; fi
		if [[ $(state "$name") == ??R ]]; then
			# Cut off while it was unpacked: apt would want to install it first.
			run patient dpkg --force-remove-reinstreq --force-depends "$how" "$name"
			continue
		fi
		ours+=("$name")
		if [[ $how == --remove ]]; then remove+=("$name"); else purge+=("$name"); fi
	done < <(noted added)
	if ((${#ours[@]})); then
		empty_repository
		said=$(apt_alone --simulate remove "${ours[@]}" 2>&1) || die "$said"
		while read -r what name rest; do
			if [[ $what == Remv && " ${ours[*]} " != *" $name "* ]]; then also+=" $name"; fi
		done <<<"$said"
		[[ -z $also ]] || die "these packages were installed later and need ours; remove them first:$also"
		if [[ -z $DRY_RUN ]]; then
			{
				noted stay
				while read -r what how name; do
					if [[ -d $name ]]; then printf '%s %s %s\n' "$what" "$how" "$name"; fi
				done < <(noted empty)
			} | sort -u | save stay
		fi
		if ((${#remove[@]})); then run patient apt_alone --yes remove "${remove[@]}"; fi
		if ((${#purge[@]})); then run patient apt_alone --yes purge "${purge[@]}"; fi
		rm -rf "$work"
		changed packages
	fi
	if [[ -z $DRY_RUN ]]; then bring_back; fi
	while read -r name _ _ rest; do
		printf 'note: %s stays in version %s, to which it was upgraded\n' "$name" "$rest"
	done < <(noted upgraded)
	if [[ -z $DRY_RUN ]]; then rm -rf "$kept"; fi
}

if [[ ${1:-} == undo ]]; then
	undo
	exit
fi

if [[ -z $DRY_RUN ]]; then starts_again; fi
finish
one='' wanted=() moved=() options=()
if [[ ${1:-} == move ]]; then one=$2; fi
for name in $PACKAGES $(noted added | cut -d ' ' -f 1); do
	if [[ -z $one ]] && ! is_there "$name" && [[ " ${wanted[*]-} " != *" $name "* ]]; then wanted+=("$name"); fi
done
for pin in $PACKAGES_HELD; do
	name=${pin%%=*}
	if ! is_there "$name" || is_of "$(version_of "$name")" "${pin#*=}"; then continue; fi
	[[ -n ${UPGRADE:-} ]] ||
		die "$name is installed in version $(version_of "$name"), and the bundle has ${pin#*=}; nothing was changed. On a node of the cluster ./upgrade.sh goes from one to the other; otherwise remove the package first"
	if [[ -z $one || $one == "$name" ]]; then moved+=("$name"); fi
done
# apt takes the hold away with that. It is set again below.
if ((${#moved[@]})); then
	options=(--allow-change-held-packages)
	wanted+=("${moved[@]}")
fi
if ((${#wanted[@]})); then
	open_repository
	said=$(apt_alone --simulate --no-remove --no-install-recommends ${options[@]+"${options[@]}"} install "${wanted[@]}" 2>&1) ||
		refuse "the packages of the bundle do not fit this host; nothing was changed. If it has less than the spec's baseline, make one of it with baseline.sh. apt says:"$'\n'"$said"
	take_apart "$said"
	for entry in ${added[@]+"${added[@]}"}; do
		read -r name _ version <<<"$entry"
		printf '%s %s %s\n' "${DRY_RUN:+would }install" "$name" "$version"
	done
	for entry in ${upgraded[@]+"${upgraded[@]}"}; do
		read -r name _ old version <<<"$entry"
		printf '%s %s from %s to %s\n' "${DRY_RUN:+would }upgrade" "$name" "$old" "$version"
	done
	if [[ -z $DRY_RUN ]]; then
		empty=$(empty_directories)
		if [[ -n ${KUBERNETES_PACKAGES:-} ]]; then record_node; fi
		if [[ -n ${RUNTIME_PACKAGE:-} ]]; then record_runtime; fi
		record_own packages
		note "$empty"
		no_starts
		patient apt_alone --yes --no-remove --no-install-recommends ${options[@]+"${options[@]}"} install "${wanted[@]}" || {
			starts_again
			die 'apt could not install them; mend what it says and run install.sh again'
		}
		starts_again
	fi
	changed packages
	rm -rf "$work"
fi

# Packages whose version the spec says stay in it, whatever updates the host gets.
for pin in $PACKAGES_HELD; do
	name=${pin%%=*}
	if [[ $(state "$name") == h* ]]; then continue; fi
	if [[ -z $DRY_RUN ]]; then
		record_own packages
		if ! grep -qx "$name" <<<"$(noted held)"; then { noted held; printf '%s\n' "$name"; } | save held; fi
	fi
	run apt-mark hold "$name" >/dev/null
	changed "$name:held"
done
