# shellcheck shell=bash
# What the scripts beside install.sh share: which host this is, whether the bundle is
# whole, and running the steps. They set BUNDLE, SECRETS and DRY_RUN. Nothing here changes
# the host before all has been checked.
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

say() { printf '%s\n' "$*"; }

hosts() { local d; for d in "$BUNDLE"/hosts/*/; do basename "$d"; done; }

# address_of NAME prints a host's address without running anything of the bundle.
address_of() { sed -n "s/^HOST_ADDRESS='\(.*\)'$/\1/p" "$BUNDLE/hosts/$1/host.env"; }

own_addresses() { ip -o -4 addr show 2>/dev/null | awk '{sub("/.*", "", $4); print $4}' || hostname -I | tr ' ' '\n'; }

# recognise prints the name of this host in the bundle.
recognise() {
	local name own address
	name=$(uname -n)
	name=${name%%.*}
	name=${name,,}
	own=" $(own_addresses | tr '\n' ' ') "
	if [[ -d $BUNDLE/hosts/$name ]]; then
		address=$(address_of "$name")
		[[ $own == *" $address "* ]] ||
			die "this machine is named $name, but has not its address $address (it has$own); set the address, or say which host it is with --host NAME"
		printf '%s' "$name"
		return
	fi
	for name in $(hosts); do
		if [[ $own == *" $(address_of "$name") "* ]]; then
			printf '%s' "$name"
			return
		fi
	done
	die "cannot tell which host this is: neither its name $(uname -n) nor its addresses ($own) are in the bundle; say it with --host NAME, one of: $(hosts | tr '\n' ' ')"
}

declare -A sums=()
while read -r sum path; do sums[$path]=$sum; done <"$BUNDLE/SHA256SUMS"

# verify PATTERN... compares the bundle's files that match with SHA256SUMS.
verify() {
	local path pattern list='' result
	for path in "${!sums[@]}"; do
		for pattern in "$@"; do
			# shellcheck disable=SC2053 # the right side is meant as a pattern
			if [[ $path == $pattern ]]; then
				list+="${sums[$path]}  $path"$'\n'
				break
			fi
		done
	done
	if ! result=$(cd "$BUNDLE" && printf '%s' "$list" | sha256sum --check --quiet --strict - 2>&1); then
		die "the bundle is damaged; nothing was changed. Copy it again. sha256sum says:"$'\n'"$result"
	fi
}

# listed PATH... stops at a file that SHA256SUMS does not vouch for.
listed() {
	local path
	for path in "$@"; do
		[[ -n ${sums[$path]:-} ]] || die "SHA256SUMS does not list $path; nothing was changed. Copy the bundle again"
	done
}

# choose_host NAME sets HOST_DIR to this host's part, reads what it says, and has the
# scripts verified. An empty name is found out.
choose_host() {
	local name=$1
	((EUID == 0)) || die 'needs root: it writes to /etc and starts services; run it with sudo'
	[[ -n $name ]] || name=$(recognise)
	[[ $name != */* && -d $BUNDLE/hosts/$name ]] || die "no host $name in this bundle; it has: $(hosts | tr '\n' ' ')"
	HOST_DIR=$BUNDLE/hosts/$name
	verify install.sh reset.sh baseline.sh status.sh upgrade.sh fleet.sh cluster.sh check.sh bundle.json 'steps/*' 'units/*' 'keys/*' 'manifests/*' 'checks/*' "hosts/$name/*"
	listed install.sh steps/lib.sh steps/journal.sh "hosts/$name/host.env"
	# shellcheck source=/dev/null
	. "$HOST_DIR/host.env"
	read -r -a steps <<<"$HOST_STEPS"
	check_secrets
}

# verify_steps has all that the host's steps use verified.
verify_steps() {
	local files
	read -r -a files <<<"$HOST_FILES"
	listed "${steps[@]/#/steps/}" ${files[@]+"${files[@]}"}
	if ((${#files[@]})); then verify "${files[@]}"; fi
	if [[ -n $HOST_IMAGES ]]; then verify 'images/*'; fi
	if [[ -n ${PACKAGES_CARRIED:-} ]]; then verify "$PACKAGES_CARRIED"; fi
}

# check_secrets holds that the file can be read, by root alone.
check_secrets() {
	[[ -n $SECRETS ]] || return 0
	[[ -r $SECRETS ]] || die "cannot read the secrets file $SECRETS"
	case $(stat -c %a "$SECRETS") in
	*00) ;;
	*) die "the secrets file $SECRETS can be read by others; run: chmod 600 $SECRETS" ;;
	esac
	SECRETS=$(cd "$(dirname "$SECRETS")" && pwd)/$(basename "$SECRETS")
}

# begin_changes makes sure that nobody else works on this host; a dry run need not.
begin_changes() {
	if [[ -z $DRY_RUN ]]; then
		exec 9>/run/satchel.lock
		flock -n 9 || die 'another script of a bundle is at work on this host; wait for it'
		sweep
	fi
	CHANGE_LIST=$(mktemp "/run/satchel.$$.XXXXXXXX") || die 'cannot write to /run; nothing was changed'
	trap 'rm -f "$CHANGE_LIST"' EXIT
	export BUNDLE HOST_DIR SECRETS DRY_RUN CHANGE_LIST
}

# sweep removes the files of runs that were killed, which have the number of their process
# in their names. Dry runs and status.sh may be at work beside this one.
sweep() {
	local path process
	for path in /run/satchel.*.????????; do
		process=${path#/run/satchel.}
		process=${process%.*}
		if [[ $process =~ ^[0-9]+$ && ! -d /proc/$process ]]; then rm -rf "$path"; fi
	done
}

# logged FUNCTION runs it and keeps what it says in a log. A dry run has none.
logged() {
	if [[ -n $DRY_RUN ]]; then
		"$@"
		return
	fi
	mkdir -p /var/log/satchel
	{
		say "=== $(date -u +%Y-%m-%dT%H:%M:%SZ) $CLUSTER_NAME $BUNDLE_VERSION on $HOST_NAME"
		"$@"
	} 2>&1 | tee -a "/var/log/satchel/$(basename "$0" .sh).log"
}

# run_steps runs the chosen steps and says what they changed.
run_steps() {
	local step count
	for step in "${steps[@]}"; do
		say "--- ${step%.sh}"
		bash "$BUNDLE/steps/$step" || die "step ${step%.sh} failed on $HOST_NAME; mend what it says above and run this script again"
	done
	count=$(wc -l <"$CHANGE_LIST")
	if ((count == 0)); then
		say "$HOST_NAME: nothing to change"
	elif [[ -n $DRY_RUN ]]; then
		say "$HOST_NAME: $count to change"
	else
		say "$HOST_NAME: $count changed"
	fi
}
