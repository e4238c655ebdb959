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
. "$BUNDLE/steps/packages.sh"
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1

policy=/usr/sbin/policy-rc.d

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

# state NAME prints how dpkg has a package: ii is installed, rc has configuration left.
state() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null || true; }

is_installed() { [[ $(state "$1") == ?'i '* ]]; }
is_there() { is_installed "$1"; }

# version_of NAME is without epoch and revision.
version_of() {
	local version
	version=$(dpkg-query -W -f='${Version}' "$1")
	version=${version#*:}
	printf '%s' "${version%-*}"
}

list_packages() { dpkg-query -W -f='${db:Status-Abbrev}${Package} ${Architecture} ${Version}\n'; }

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

read_packages() {
	empty_repository
	printf 'deb [trusted=yes] %s/packages/%s /\n' "${1// /%20}" "$PACKAGES_PLACE" >"$work/sources.list"
	apt_alone update
}

# install_with OPTION... is the command that installs what is wanted. apt takes the hold away
# from what is moved; it is set again below.
install_with() {
	if ((${#moved[@]})); then set -- "$@" --allow-change-held-packages; fi
	apt_alone --no-remove --no-install-recommends "$@" install "${wanted[@]}"
}

simulate() {
	local said
	said=$(install_with --simulate 2>&1) || not_fitting "$said"
	take_apart "$said"
}

# take_apart reads the lines of a simulation: "Inst NAME [OLD] (NEW ORIGIN [ARCH])".
take_apart() {
	local line form='^Inst ([^ ]+)( \[([^]]+)\])? \(([^ ]+) .*\[([a-z0-9-]+)\]'
	added=() upgraded=()
	while IFS= read -r line; do
		case $line in
		'Remv '* | 'Purg '*) refuse "this would remove $(cut -d ' ' -f 2 <<<"$line"), which is not ours to remove; nothing was changed. Remove it yourself, or take its place out of the spec" ;;
		esac
		[[ $line =~ $form ]] || continue
		# One that was cut off is there, in this version, and not whole.
		if [[ -z ${BASH_REMATCH[3]} || ${BASH_REMATCH[3]} == "${BASH_REMATCH[4]}" ]]; then
			line="${BASH_REMATCH[1]} ${BASH_REMATCH[5]} ${BASH_REMATCH[4]}"
			# Configuration that somebody left here stays when the package goes again.
			if [[ $(state "${BASH_REMATCH[1]}") == ?c* ]]; then line+=' configured'; fi
			added+=("$line")
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

fetch_packages() { patient install_with --yes --download-only; }

file_of() { printf '%s_%s_%s.deb' "$1" "${3//:/%3a}" "$2"; }

paths_in() {
	local file
	for file in "$@"; do
		dpkg-deb --fsys-tarfile "$file" | tar -t --quoting-style=literal | sed -e 's#^\.\{0,1\}/*#/#' -e 's#/$##' || return 1
	done
}

is_owned() { dpkg-query -S "$1" >/dev/null 2>&1; }

add_packages() {
	no_starts
	patient install_with --yes || {
		starts_again
		die 'apt could not install them; mend what it says and run install.sh again'
	}
	starts_again
}

# recover has dpkg finish what was cut off. What it cannot finish apt mends.
recover() {
	if [[ -z $DRY_RUN ]]; then starts_again; fi
	if [[ -z $(dpkg --audit) ]]; then return; fi
	if [[ -z $DRY_RUN ]]; then no_starts; fi
	run patient dpkg --configure -a || true
	if [[ -z $DRY_RUN ]]; then starts_again; fi
}

undo() {
	local name rest what how also='' said ours=() remove=() purge=()
	while read -r name; do
		if [[ $(state "$name") == h* ]]; then apt-mark unhold "$name" >/dev/null; fi
	done < <(noted held)
	note_stay </dev/null # dpkg leaves directories as they are
	while read -r name rest; do
		if [[ $(state "$name") == '' || $(state "$name") == ?n* ]]; then continue; fi
		how=--purge
		if [[ $rest == *' configured' ]]; then how=--remove; fi
		if [[ $(state "$name") == ??R ]]; then
			# Cut off while it was unpacked: apt would want to install it first.
			patient dpkg --force-remove-reinstreq --force-depends "$how" "$name"
			continue
		fi
		ours+=("$name")
		if [[ $how == --remove ]]; then remove+=("$name"); else purge+=("$name"); fi
	done < <(noted added)
	if ((${#ours[@]} == 0)); then return; fi
	empty_repository
	said=$(apt_alone --simulate remove "${ours[@]}" 2>&1) || die "$said"
	while read -r what name rest; do
		if [[ $what == Remv && " ${ours[*]} " != *" $name "* ]]; then also+=" $name"; fi
	done <<<"$said"
	[[ -z $also ]] || die "these packages were installed later and need ours; remove them first:$also"
	if ((${#remove[@]})); then patient apt_alone --yes remove "${remove[@]}"; fi
	if ((${#purge[@]})); then patient apt_alone --yes purge "${purge[@]}"; fi
	changed packages
}

hold_packages() {
	local pin name
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
}

packages "$@"
