#!/bin/bash
# Installs this host's part of the cluster from the bundle that this script lies in.
# It uses no network beyond the cluster's own hosts and can be run again at any time:
# what is as it should be stays untouched.
set -euo pipefail

usage() {
	cat <<'EOF'
Usage: ./install.sh [--host NAME] [--secrets FILE] [--dry-run] [--from STEP] [--only STEP]

  --host NAME     this machine is NAME; default: found by host name, then by address
  --secrets FILE  the secrets that fill the @secret:NAME@ marks of the configs
  --dry-run       print what would change, change nothing
  --from STEP     begin at STEP, such as 60-haproxy or haproxy
  --only STEP     run STEP alone

The environment variable SATCHEL_WAIT is how many seconds to wait for another host at
most; default: 900.
EOF
}

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'install.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SECRETS='' DRY_RUN='' host='' from='' only=''
while (($#)); do
	case $1 in
	--host | --secrets | --from | --only)
		if [[ -z ${2:-} ]]; then wrong_usage "$1 needs a value"; fi
		case $1 in
		--host) host=$2 ;;
		--secrets) SECRETS=$2 ;;
		--from) from=$2 ;;
		--only) only=$2 ;;
		esac
		shift
		;;
	--dry-run) DRY_RUN=1 ;;
	-h | --help) usage; exit 0 ;;
	*) wrong_usage "unknown argument: $1" ;;
	esac
	shift
done
[[ -z $from || -z $only ]] || wrong_usage '--from and --only exclude each other'
[[ ! -d $BUNDLE/seats ]] || die 'this is a kit with the clusters of many seats; make the bundle of one of them: satchel unpack BUNDLE --seat N -o DIR'
[[ -f $BUNDLE/SHA256SUMS ]] || die "no SHA256SUMS beside this script; run it in an unpacked bundle (satchel unpack)"
((EUID == 0)) || die 'needs root: it writes to /etc and starts services; run it with sudo'

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
	if ! result=$(cd "$BUNDLE" && sha256sum --check --quiet --strict - <<<"${list%$'\n'}" 2>&1); then
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

[[ -n $host ]] || host=$(recognise)
[[ $host != */* && -d $BUNDLE/hosts/$host ]] || die "no host $host in this bundle; it has: $(hosts | tr '\n' ' ')"
HOST_DIR=$BUNDLE/hosts/$host

verify install.sh bundle.json 'steps/*' 'units/*' 'manifests/*' "hosts/$host/*"
listed install.sh steps/lib.sh "hosts/$host/host.env"
# shellcheck source=/dev/null
. "$HOST_DIR/host.env"
read -r -a steps <<<"$HOST_STEPS"
read -r -a files <<<"$HOST_FILES"
listed "${steps[@]/#/steps/}" ${files[@]+"${files[@]}"}
if ((${#files[@]})); then verify "${files[@]}"; fi
if [[ -n $HOST_IMAGES ]]; then verify 'images/*'; fi

if [[ -n $SECRETS ]]; then
	[[ -r $SECRETS ]] || die "cannot read the secrets file $SECRETS"
	case $(stat -c %a "$SECRETS") in
	*00) ;;
	*) die "the secrets file $SECRETS can be read by others; run: chmod 600 $SECRETS" ;;
	esac
	SECRETS=$(cd "$(dirname "$SECRETS")" && pwd)/$(basename "$SECRETS")
fi

# step_index NAME prints the place of a step given as 60-haproxy, haproxy or 60-haproxy.sh.
step_index() {
	local i
	for i in "${!steps[@]}"; do
		case ${steps[i]} in
		"$1" | "$1.sh" | [0-9][0-9]-"$1.sh")
			printf '%s' "$i"
			return
			;;
		esac
	done
	wrong_usage "no step $1 on $host; it has: ${steps[*]%.sh}"
}
if [[ -n $from ]]; then
	first=$(step_index "$from")
	steps=("${steps[@]:first}")
elif [[ -n $only ]]; then
	first=$(step_index "$only")
	steps=("${steps[first]}")
fi

CHANGE_LIST=$(mktemp)
trap 'rm -f "$CHANGE_LIST"' EXIT
export BUNDLE HOST_DIR SECRETS DRY_RUN CHANGE_LIST

run_steps() {
	local step count
	for step in "${steps[@]}"; do
		say "--- ${step%.sh}"
		bash "$BUNDLE/steps/$step" || die "step ${step%.sh} failed on $host; mend what it says above and run this script again"
	done
	count=$(wc -l <"$CHANGE_LIST")
	if ((count == 0)); then
		say "$host: nothing to change"
	elif [[ -n $DRY_RUN ]]; then
		say "$host: $count to change"
	else
		say "$host: $count changed"
	fi
}

if [[ -n $DRY_RUN ]]; then
	run_steps
	exit
fi
exec 9>/run/satchel.lock
flock -n 9 || die 'another install.sh is at work on this host; wait for it'
mkdir -p /var/log/satchel
{
	say "=== $(date -u +%Y-%m-%dT%H:%M:%SZ) $CLUSTER_NAME $BUNDLE_VERSION on $host"
	run_steps
} 2>&1 | tee -a /var/log/satchel/install.log
