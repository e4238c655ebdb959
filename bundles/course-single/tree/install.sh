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
  --only STEP     run STEP alone; the checks of 05-preflight come before it in any case

The environment variable SATCHEL_WAIT is how many seconds to wait for another host at
most; default: 900.
EOF
}

die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'install.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SECRETS='' DRY_RUN='' PARTLY='' host='' from='' only=''
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
[[ -f $BUNDLE/SHA256SUMS ]] || die 'no SHA256SUMS beside this script; run it in an unpacked bundle (satchel unpack)'
result=$(cd "$BUNDLE" && grep -E '  (install|steps/bundle)\.sh$' SHA256SUMS | sha256sum --check --quiet --strict - 2>&1) ||
	die "the bundle is damaged; nothing was changed. Copy it again. sha256sum says:"$'\n'"$result"
. "$BUNDLE/steps/bundle.sh"
choose_host "$host"
verify_steps

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
	wrong_usage "no step $1 on $HOST_NAME; it has: ${steps[*]%.sh}"
}
# The checks come first in any case. Where they know that not all steps follow, not all that
# the steps need has to be there.
if [[ -n $from$only ]]; then
	first=$(step_index "$from$only")
	if ((first > 0)); then PARTLY=1; fi
	if [[ -n $from ]]; then more=("${steps[@]:first}"); else more=("${steps[first]}"); fi
	steps=(${PARTLY:+"${steps[0]}"} "${more[@]}")
fi
export PARTLY

begin_changes
logged run_steps
