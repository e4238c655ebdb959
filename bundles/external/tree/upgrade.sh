#!/bin/bash
# Brings this host to what the bundle has, with another release of Kubernetes too. Each
# host runs it by itself and waits for its turn: the control planes one after another,
# then the workers, one at a time, which the first control plane calls.
set -euo pipefail

usage() {
	cat <<'EOT'
Usage: ./upgrade.sh [--host NAME] [--secrets FILE] [--force] [--dry-run]

  --host NAME     this machine is NAME; default: as it was installed
  --secrets FILE  the secrets that fill the @secret:NAME@ marks of the configs
  --force         end pods that nothing would start again elsewhere
  --dry-run       print what would change, change nothing

Start it on all hosts at once, in any order. It goes to another patch of the same minor
release, or to the next minor release, and nowhere else. etcd is saved before, to
/var/lib/satchel/snapshots on the first control plane. It can be interrupted and run again.

The environment variable SATCHEL_WAIT is how many seconds to wait for another host at
most, default 900; SATCHEL_DRAIN how many to wait for pods to leave, default 300.
EOT
}

die() { printf 'upgrade.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'upgrade.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SECRETS='' DRY_RUN='' host='' force=''
while (($#)); do
	case $1 in
	--host | --secrets)
		[[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
		if [[ $1 == --host ]]; then host=$2; else SECRETS=$2; fi
		shift
		;;
	--force) force=1 ;;
	--dry-run) DRY_RUN=1 ;;
	-h | --help) usage; exit 0 ;;
	*) wrong_usage "unknown argument: $1" ;;
	esac
	shift
done
[[ -f $BUNDLE/SHA256SUMS ]] || die 'no SHA256SUMS beside this script; run it in an unpacked bundle (satchel unpack)'
result=$(cd "$BUNDLE" && grep -E '  (upgrade|steps/bundle)\.sh$' SHA256SUMS | sha256sum --check --quiet --strict - 2>&1) ||
	die "the bundle is damaged; nothing was changed. Copy it again. sha256sum says:"$'\n'"$result"
. "$BUNDLE/steps/bundle.sh"
if [[ -z $host && -f /var/lib/satchel/host ]]; then host=$(cat /var/lib/satchel/host); fi
choose_host "$host"
verify_steps
[[ -e /var/lib/satchel/journal/log ]] || die "no bundle is installed on $HOST_NAME; use install.sh"
UPGRADE=1
export UPGRADE
begin_changes
if [[ -z ${KUBEADM:-} || ! -f /var/lib/satchel/kubeadm ]]; then
	logged run_steps
	exit
fi
# shellcheck source=steps/turn.sh
. "$BUNDLE/steps/turn.sh"
AGAIN=upgrade.sh

# leaves is true when the pods have to leave this node, of what ask_node was told.
leaves() { [[ $RELEASE != "$KUBERNETES_VERSION" || -f $cordoned ]]; }

# plan says what upgrade_node would do, and refuses what it would refuse.
plan() {
	check_way
	if leaves; then
		ask_pods || die "the API server does not tell which pods $HOST_NAME has; see to it first"
		check_pods
	fi
	if [[ " $HOST_ROLES " == *' control-plane '* ]] && ! control_plane_done; then
		if [[ $KUBEADM == init ]]; then
			say "would save etcd to $STATE/snapshots/before-$KUBERNETES_VERSION.db"
			say "would run: kubeadm upgrade apply v$KUBERNETES_VERSION --yes"
		else
			say 'would run: kubeadm upgrade node'
		fi
	fi
	if leaves; then
		say "would drain $HOST_NAME, of: $(awk '{print $1 "/" $2}' <<<"$PODS" | tr '\n' ' ')"
		if [[ " $HOST_ROLES " != *' control-plane '* ]]; then say 'would run: kubeadm upgrade node'; fi
	fi
	run_steps
}

upgrade_node() {
	local step
	check_way
	if leaves; then
		wait_for "the API server to tell which pods $HOST_NAME has" ask_pods
		check_pods
	fi
	# Images can come before it is this host's turn.
	for step in "${steps[@]}"; do
		case $step in
		05-* | 35-* | 45-*) bash "$BUNDLE/steps/$step" ;;
		esac
	done
	wait_turn
	new_kubeadm "${steps[@]}"
	upgrade_control_plane
	wait_for "the API server to tell of this node" ask_node
	if leaves; then
		drain
		upgrade_worker
	fi
	run_steps
	wait_for "the node $HOST_NAME to run Kubernetes $KUBERNETES_VERSION" at_release
	uncordon
	end_turn
	call_others
	say "$HOST_NAME: Kubernetes $KUBERNETES_VERSION"
}
if [[ -n $DRY_RUN ]]; then logged plan; else logged upgrade_node; fi
