#!/bin/bash
# What a cluster needs in the course of its life, each on a control plane.
set -euo pipefail

usage() {
	cat <<'EOT'
Usage: ./cluster.sh COMMAND [--host NAME] [--secrets FILE] [--force]

  remove NAME       take a node out: its pods leave, its etcd member goes, and the node is
                    deleted. Then run ./reset.sh on that host. The pods of a node that is
                    not ready are not waited for. With --force pods that nothing would
                    start again are ended too
  certificates      renew the certificates of this control plane and start its parts again,
                    one after another; do one control plane at a time
  snapshot [FILE]   save etcd, over what FILE held; default: below
                    /var/lib/satchel/snapshots. It has all secrets of the cluster; keep it
                    elsewhere too, where only you can read it
  restore FILE      bring etcd back to a snapshot: run it on all control planes, at once,
                    each with a copy of the same file. What came after is lost to the
                    cluster; the data from before stay beside the new ones
  encryption        have Secrets in etcd encrypted with the key of the secrets given, and no
                    longer with that of before: run it on all control planes, at once, with
                    --secrets FILE, which satchel secrets new --from OLD --rotate
                    encryption-key makes. No control plane may join meanwhile. etcd is saved
                    before; to restore what was saved with a key of before, first go back to
                    that, with the secrets that have it
  token             make the bootstrap token of the secrets good again for a day, so that
                    new hosts can join; needs --secrets

To add a node, put it into the spec, build a bundle with the same secrets, and run
install.sh of it on the new host, then on the load balancers and the others.
To rotate the passwords of keepalived or of haproxy's page, or the registry's certificate,
make new secrets (satchel secrets new --from OLD --rotate NAME) and run install.sh
--secrets FILE on the hosts that have them, the load balancers at once.

The environment variable SATCHEL_DRAIN is how many seconds pods have to leave, default 300.
EOT
}

die() { printf 'cluster.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'cluster.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SECRETS='' DRY_RUN='' host='' command='' argument='' force=''
while (($#)); do
	case $1 in
	--host | --secrets)
		[[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
		if [[ $1 == --host ]]; then host=$2; else SECRETS=$2; fi
		shift
		;;
	--force) force=1 ;;
	-h | --help) usage; exit 0 ;;
	-*) wrong_usage "unknown argument: $1" ;;
	*) if [[ -z $command ]]; then command=$1; elif [[ -z $argument ]]; then argument=$1; else wrong_usage "unknown argument: $1"; fi ;;
	esac
	shift
done
case $command in
remove) [[ -n $argument ]] || wrong_usage 'remove needs the name of a node' ;;
restore) [[ -n $argument ]] || wrong_usage 'restore needs the file of a snapshot' ;;
certificates | encryption | snapshot | token) ;;
*) wrong_usage 'say what to do' ;;
esac
[[ -f $BUNDLE/SHA256SUMS ]] || die 'no SHA256SUMS beside this script; run it in an unpacked bundle (satchel unpack)'
result=$(cd "$BUNDLE" && grep -E '  (cluster|steps/bundle)\.sh$' SHA256SUMS | sha256sum --check --quiet --strict - 2>&1) ||
	die "the bundle is damaged; nothing was changed. Copy it again. sha256sum says:"$'\n'"$result"
. "$BUNDLE/steps/bundle.sh"
if [[ -z $host && -f /var/lib/satchel/host ]]; then host=$(cat /var/lib/satchel/host); fi
choose_host "$host"
[[ -f /etc/kubernetes/admin.conf && -f /var/lib/satchel/kubeadm ]] || die "$HOST_NAME is not a control plane of a cluster; run this on one"
begin_changes
# shellcheck source=steps/restore.sh
. "$BUNDLE/steps/restore.sh"
# shellcheck source=steps/encryption.sh
. "$BUNDLE/steps/encryption.sh"
AGAIN="cluster.sh $command"

remove() {
	local address member names ready how=(--ignore-daemonsets --delete-emptydir-data --timeout="${SATCHEL_DRAIN:-300}s")
	[[ $argument != "$HOST_NAME" ]] || die "this is $argument itself; run this on another control plane"
	names=$(all get nodes -o 'jsonpath={.items[*].metadata.name}')
	[[ " $names " == *" $argument "* ]] || die "the cluster has no node $argument; it has: $names"
	address=$(all get node "$argument" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')
	ready=$(all get node "$argument" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
	if [[ $ready != True ]]; then
		say "$argument is not ready: nobody there could end its pods, so they are not waited for"
		# No budget counts on pods that are gone already.
		how+=(--disable-eviction --grace-period=1 --skip-wait-for-delete-timeout=1)
	fi
	if [[ -n $force ]]; then how+=(--force); fi
	kubectl --kubeconfig="$ADMIN" drain "$argument" "${how[@]}" ||
		die "the pods of $argument did not leave, see above: a PodDisruptionBudget may hold them; with --force those end too that nothing would start again. $argument stays cordoned"
	member=$(etcdctl member list | awk -F', ' -v name="$argument" '$3 == name {print $1}')
	if [[ -n $member ]]; then
		snapshot "$STATE/snapshots/before-remove-$argument-$(date -u +%Y%m%dT%H%M%SZ).db"
		etcdctl member remove "$member"
	fi
	# With the member the leader of etcd may have gone, and for a moment the load balancer
	# still asks the API server that was beside it.
	wait_for "the cluster to forget the node $argument" all delete node "$argument" --ignore-not-found
	say "$argument (${address%% *}) is no node any more; now run ./reset.sh there, or never start that host again as it is"
}

certificates() {
	local part ours=''
	if config_is_ours; then ours=1; fi
	kubeadm certs renew all
	if [[ -n $ours ]]; then
		renew_config
	elif [[ -f /root/.kube/config ]]; then
		tell '/root/.kube/config is not what satchel made; it stays as it is'
	fi
	for part in etcd kube-apiserver kube-controller-manager kube-scheduler; do
		[[ ! -f /etc/kubernetes/manifests/$part.yaml ]] || restart_part "$part"
	done
}

# restart_part NAME ends a static pod's container; the kubelet starts it again.
restart_part() {
	local before
	before=$(crictl ps --name "^$1\$" --quiet | head -n 1)
	[[ -z $before ]] || crictl stop "$before" >/dev/null
	wait_for "$1 to run again" restarted "$1" "$before"
	wait_for 'the API server to be ready' all get --raw /readyz
}

restarted() {
	local now
	now=$(crictl ps --name "^$1\$" --quiet | head -n 1)
	[[ -n $now && $now != "$2" ]]
}

token() {
	[[ -n ${SECRET[bootstrap-token]:-} ]] || die 'give --secrets FILE with the secret bootstrap-token'
	printf '%s\n' 'apiVersion: v1' 'kind: Secret' 'type: bootstrap.kubernetes.io/token' \
		"metadata: {name: 'bootstrap-token-${SECRET[bootstrap-token]%%.*}', namespace: kube-system}" \
		"stringData: {token-id: '${SECRET[bootstrap-token]%%.*}', token-secret: '${SECRET[bootstrap-token]#*.}', expiration: '$(date -u -d '+1 day' +%FT%TZ)', usage-bootstrap-authentication: 'true', usage-bootstrap-signing: 'true', auth-extra-groups: 'system:bootstrappers:kubeadm:default-node-token'}" |
		all apply --filename - >/dev/null
	say 'new hosts can join for a day'
}

work() {
	case $command in
	remove) remove ;;
	certificates) certificates ;;
	restore)
		# The condition also tells satchel's own checks on which hosts this can happen.
		if [[ -n ${ETCD_MEMBERS:-} ]]; then restore "$argument"; else die "the bundle knows of no etcd on $HOST_NAME; nothing was changed"; fi
		;;
	encryption)
		if [[ -f $HOST_DIR/encryption.yaml ]]; then encryption; else die "the spec of this bundle has no kubernetes.encryption; nothing was changed"; fi
		;;
	snapshot) snapshot "${argument:-$STATE/snapshots/$(date -u +%Y%m%dT%H%M%SZ).db}" ;;
	token) token ;;
	esac
}
logged work
