# shellcheck shell=bash
# What the steps of deb and of rpm packages do alike: they choose what is missing, have the
# package manager try it, note it in /var/lib/satchel/packages, and have it done. Each step
# has these functions for its package manager, and calls packages:
#   is_there NAME      is true where the host need not get it
#   is_installed NAME  is true for the package itself, when it is whole
#   version_of NAME    prints upstream's version of it
#   list_packages      prints all that are installed
#   recover            mends what a run left that was cut off
#   read_packages FROM has the package manager read the repository at FROM, and no other
#   is_ours            is true when that was the repository of this bundle
#   simulate           fills added with lines NAME ARCH VERSION, and upgraded with lines
#                      NAME ARCH OLD NEW, or refuses
#   fetch_packages     brings the files of the packages from the registry host to work/cache
#   file_of NAME ARCH VERSION  prints how the file of a package is named
#   paths_in FILE...   prints the paths that packages have
#   is_owned PATH      is true for what an installed package has
#   add_packages       installs what is wanted
#   hold_packages      keeps those of PACKAGES_HELD in their versions
#   undo               removes what was added, and nothing that needs it
. "$BUNDLE/steps/accounts.sh"
export LC_ALL=C

# A dry run holds no lock: it works beside an install, in a place of its own, and leaves nothing.
work=/var/cache/satchel
if [[ -n $DRY_RUN ]]; then
	work=$(mktemp -d /run/satchel-packages.XXXXXXXX)
	trap 'rm -rf "$NEW" "$work"' EXIT
fi
wanted=()   # the names of what is to come
moved=()    # those of them that are there, in another version
added=()    # what comes with that
upgraded=() # and what is there in an older version

# refuse TEXT ends the step before anything was changed, and leaves no files of its work.
refuse() {
	rm -rf "$work"
	die "$1"
}

# patient COMMAND... runs a command of a package manager, and waits while another has its
# lock. What it says is shown when it fails.
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

# is_of VERSION UPSTREAM is true when a package's version is one of upstream's: it is the
# same, or goes on with ~ or +.
is_of() { [[ $1 == "$2" || $1 == "$2"[~+]* ]]; }

# choose [NAME] fills wanted: what is missing, and what is to go to the bundle's version, of
# which upgrade.sh has NAME go alone.
choose() {
	local name pin
	for name in $PACKAGES $(noted added | cut -d ' ' -f 1); do
		if [[ -z ${1:-} ]] && ! is_there "$name" && [[ " ${wanted[*]-} " != *" $name "* ]]; then wanted+=("$name"); fi
	done
	for pin in $PACKAGES_HELD; do
		name=${pin%%=*}
		if ! is_installed "$name" || is_of "$(version_of "$name")" "${pin#*=}"; then continue; fi
		[[ -n ${UPGRADE:-} ]] ||
			die "$name is installed in version $(version_of "$name"), and the bundle has ${pin#*=}; nothing was changed. On a node of the cluster ./upgrade.sh goes from one to the other; otherwise remove the package first"
		if [[ -z ${1:-} || $1 == "$name" ]]; then
			moved+=("$name")
			wanted+=("$name")
		fi
	done
}

# later says that a dry run cannot look at the packages yet, and ends it.
later() {
	printf 'would install from %s, which %s yet: %s\n' "$1" "$2" "${wanted[*]}"
	changed packages
	rm -rf "$work"
	exit
}

# brings_ours FROM reads again, and is true when it is the repository of this bundle.
brings_ours() { read_packages "$1" && is_ours; }

# open_repository has the bundle's repository read, or the registry host's, which has to be
# the same.
open_repository() {
	local from=$BUNDLE said
	from=${from//%/%25}
	from=file://${from// /%20}
	if [[ -n $PACKAGES_URL ]]; then
		from=$PACKAGES_URL
		if [[ -n $DRY_RUN ]] && ! connects "${from#*://}"; then later "$from" 'does not answer'; fi
		wait_for "the packages at $from" connects "${from#*://}"
	fi
	said=$(read_packages "$from" 2>&1) || refuse "cannot read the packages of the bundle:"$'\n'"$said"
	if is_ours; then return; fi
	# The registry host may be on its way to this bundle as well.
	if [[ -n ${UPGRADE:-} && -n $DRY_RUN ]]; then later "$from" "has not this bundle's packages"; fi
	if [[ -n ${UPGRADE:-} ]]; then wait_for "the packages of this bundle at $from" brings_ours "$from"; fi
	is_ours || refuse "$from has other packages than this bundle; nothing was changed. Install the registry host from this bundle first"
}

# not_fitting SAID refuses packages for which the package manager has no solution.
not_fitting() {
	refuse "the packages of the bundle do not fit this host; nothing was changed. If it has less than the spec's baseline, make one of it with baseline.sh. The package manager says:"$'\n'"$1"
}

# announce says what is going to be done.
announce() {
	local entry name old version
	for entry in ${added[@]+"${added[@]}"}; do
		read -r name _ version _ <<<"$entry"
		printf '%s %s %s\n' "${DRY_RUN:+would }install" "$name" "$version"
	done
	for entry in ${upgraded[@]+"${upgraded[@]}"}; do
		read -r name _ old version <<<"$entry"
		printf '%s %s from %s to %s\n' "${DRY_RUN:+would }upgrade" "$name" "$old" "$version"
	done
}

# coming prints NAME ARCH VERSION of the packages that go again with reset.sh.
coming() {
	local entry name arch version
	for entry in ${added[@]+"${added[@]}"}; do printf '%s\n' "$entry"; done
	for entry in ${upgraded[@]+"${upgraded[@]}"}; do
		read -r name arch _ version <<<"$entry"
		if grep -q "^$name " <<<"$(noted added)"; then printf '%s %s %s\n' "$name" "$arch" "$version"; fi
	done
}

# coming_paths prints what those packages have.
coming_paths() {
	local from=/var/cache/satchel/cache name arch version file files=() # no dry run comes here
	if [[ -z $PACKAGES_URL ]]; then
		from=$BUNDLE/packages/$PACKAGES_PLACE
	else
		fetch_packages || refuse "cannot fetch the packages from $PACKAGES_URL; nothing was changed. Run install.sh again"
	fi
	while read -r name arch version _; do
		file=$(find "$from" -name "$(file_of "$name" "$arch" "$version")" -print -quit)
		[[ -n $file ]] || refuse "$from has no $(file_of "$name" "$arch" "$version"); nothing was changed. Copy the bundle again"
		files+=("$file")
	done < <(coming)
	if ((${#files[@]})); then paths_in "${files[@]}"; fi
}

# note writes down what is about to be added, beside what earlier runs added.
note() {
	local entry
	if [[ ! -f $kept/before ]]; then list_packages | save before; fi
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

# tell_upgraded says what reset.sh does not bring back.
tell_upgraded() {
	local name version
	while read -r name _ _ version; do
		tell "$name stays in version $version, to which it was upgraded"
	done < <(noted upgraded)
}

# packages [undo | move NAME] is the whole step.
packages() {
	local paths
	if [[ ${1:-} == undo ]]; then
		recover
		settle_accounts
		undo
		bring_back
		# What was upgraded may need those that came with it.
		if [[ ! -s $kept/upgraded ]]; then remove_accounts; fi
		tell_upgraded
		rm -rf "$kept" "$work"
		return
	fi
	recover
	if [[ -z $DRY_RUN ]]; then settle_accounts; fi
	choose "${2:-}"
	if ((${#wanted[@]})); then
		open_repository
		simulate
		announce
		if [[ -z $DRY_RUN ]]; then
			paths=$(coming_paths && empty_directories)
			if [[ -n ${KUBERNETES_PACKAGES:-} ]]; then record_node; fi
			if [[ -n ${RUNTIME_PACKAGE:-} ]]; then record_runtime; fi
			record_own packages
			note
			note_paths <<<"$paths"
			accounts | save accounts
			add_packages
			settle_accounts
		fi
		changed packages
		rm -rf "$work"
	fi
	hold_packages
}
