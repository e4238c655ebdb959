#!/bin/bash
# What runs on this host, and how it stands to the bundle. It only looks.
set -euo pipefail

usage() {
	cat <<'EOT'
Usage: ./status.sh [--host NAME] [--secrets FILE] [--checks] [--format text|json]

  --host NAME     this machine is NAME; default: as it was installed
  --secrets FILE  compare the files that have secrets too
  --checks        run the bundle's checks of the whole cluster as well
  --format json   one JSON object, for programs

Exit status: 0 all is well; 1 something is not, and is named.
EOT
}

die() { printf 'status.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'status.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SECRETS='' DRY_RUN=1 host='' checks='' format=text
while (($#)); do
	case $1 in
	--host | --secrets | --format)
		[[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
		case $1 in
		--host) host=$2 ;;
		--secrets) SECRETS=$2 ;;
		--format) format=$2 ;;
		esac
		shift
		;;
	--checks) checks=1 ;;
	-h | --help) usage; exit 0 ;;
	*) wrong_usage "unknown argument: $1" ;;
	esac
	shift
done
[[ $format == text || $format == json ]] || wrong_usage "--format $format: it is text or json"
[[ -f $BUNDLE/SHA256SUMS ]] || die 'no SHA256SUMS beside this script; run it in an unpacked bundle (satchel unpack)'
result=$(cd "$BUNDLE" && grep -E '  (status|steps/bundle)\.sh$' SHA256SUMS | sha256sum --check --quiet --strict - 2>&1) ||
	die "the bundle is damaged. Copy it again. sha256sum says:"$'\n'"$result"
. "$BUNDLE/steps/bundle.sh"
if [[ -z $host && -f /var/lib/satchel/host ]]; then host=$(cat /var/lib/satchel/host); fi
choose_host "$host"
STEP=status
. "$BUNDLE/steps/journal.sh"
. "$BUNDLE/steps/parts.sh"
. "$BUNDLE/steps/expiry.sh"

# Each line is KIND, NAME, STATE (ok, note or bad) and a text, parted by tabs.
lines=()
line() { lines+=("$1"$'\t'"$2"$'\t'"$3"$'\t'"$4"); }
runs() { [[ " $HOST_STEPS " == *" $1.sh "* ]]; }

unit() {
	local active enabled state=ok
	active=$(systemctl is-active "$1" 2>/dev/null || true)
	enabled=$(systemctl is-enabled "$1" 2>/dev/null || true)
	[[ $active == active && $enabled == enabled ]] || state=bad
	line unit "$1" "$state" "${active:-absent}, ${enabled:-absent}"
}

units() {
	if runs 35-registry; then unit satchel-registry.service; fi
	if runs 42-harbor; then unit harbor.service; fi
	if runs 40-containerd; then unit containerd.service; fi
	if runs 40-docker; then unit docker.service; fi
	if runs 42-cri-dockerd; then unit cri-docker.service; fi
	if runs 50-kubernetes; then unit kubelet.service; fi
	if runs 60-haproxy; then unit haproxy.service; fi
	if runs 70-keepalived; then unit keepalived.service; fi
}

# version NAME WANT FOUND [WHO]
version() {
	local state=ok
	if [[ -n $2 && $3 != "$2" ]]; then state=bad; fi
	line version "$1" "$state" "${3:-not there}${2:+, ${4:-the bundle} has $2}"
}

versions() {
	line version bundle note "$BUNDLE_VERSION"
	if command -v kubelet >/dev/null; then version kubelet "${KUBERNETES_VERSION:-}" "$(kubelet --version 2>/dev/null | awk '{sub("v", "", $2); print $2}')"; fi
	if command -v kubeadm >/dev/null; then version kubeadm "${KUBERNETES_VERSION:-}" "$(kubeadm version -o short 2>/dev/null | tr -d v)"; fi
	if command -v containerd >/dev/null; then version containerd '' "$(containerd --version 2>/dev/null | awk '{sub("v", "", $3); print $3}')"; fi
	if command -v haproxy >/dev/null && runs 60-haproxy; then version haproxy '' "$(haproxy -v 2>/dev/null | awk 'NR == 1 {print $3}')"; fi
}

# parts tells the releases of a control plane's parts, which differ while an upgrade is not
# through, and what the cluster's own configuration says.
parts() {
	local part tag configuration want
	[[ -f /etc/kubernetes/manifests/kube-apiserver.yaml && -n ${KUBERNETES_VERSION:-} ]] || return 0
	for part in kube-apiserver kube-controller-manager kube-scheduler; do
		tag=$(part_tag "$part")
		version "$part" "$KUBERNETES_VERSION" "${tag#v}"
	done
	configuration=$(kubectl --kubeconfig=/etc/kubernetes/admin.conf --cache-dir=/run/satchel.kubectl --request-timeout=5s --namespace kube-system \
		get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}' 2>/dev/null) || true
	rm -rf /run/satchel.kubectl
	if [[ -n $configuration ]]; then
		version kubeadm-config "$KUBERNETES_VERSION" "$(sed -n 's/^kubernetesVersion: v//p' <<<"$configuration")"
	fi
	# The bundle tells the first control plane; the others do as the cluster says.
	want=$(named_tag etcd <"$HOST_DIR/kubeadm.yaml")
	if [[ -n $want ]]; then
		version etcd "$want" "$(part_tag etcd)"
	else
		version etcd "$(named_tag etcd <<<"$configuration")" "$(part_tag etcd)" 'the cluster'
	fi
}

# certificates tells when those of the control plane, and the kubelet's, end.
certificates() {
	local file end left state
	for file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt /etc/kubernetes/*.conf /var/lib/kubelet/pki/kubelet-client-current.pem; do
		[[ -e $file ]] || continue
		end=$(ends_at "$file")
		if [[ -z $end ]]; then
			# A kubeconfig may name a file, or have a token.
			if [[ $file != *.conf ]] || grep -q 'client-certificate-data:' "$file"; then line certificate "$file" bad 'cannot be read'; fi
			continue
		fi
		left=$((end - $(date +%s)))
		left=$((left < 0 ? -1 : left / 86400))
		state=ok
		if ((left < 30)); then state=bad; fi
		if ((left < 0)); then
			line certificate "$file" bad "ended $(date -u -d "@$end" +%F)"
		else
			line certificate "$file" "$state" "ends in $left days, $(date -u -d "@$end" +%F)"
		fi
	done
}

# addresses tells which of the virtual ones this host holds.
addresses() {
	local address
	for address in ${VIPS:-} ${KUBE_VIP:-}; do
		if [[ -n $(ip -o address show to "${address%/*}") ]]; then
			line address "${address%/*}" ok 'is on this host'
		else
			line address "${address%/*}" ok 'is elsewhere'
		fi
	done
}

etcd_health() {
	local said
	[[ -f /etc/kubernetes/manifests/etcd.yaml ]] || return 0
	if said=$(etcdctl endpoint health --cluster 2>&1) && [[ $said != *unhealthy* ]]; then
		line etcd members ok "$(grep -c 'is healthy' <<<"$said") healthy"
	else
		line etcd members bad "$(grep -v '^{' <<<"$said" | tr '\n\t' '  ')"
	fi
}

# etcdctl runs in the member's own container.
etcdctl() {
	crictl exec "$(crictl ps --name '^etcd$' --quiet | head -n 1)" etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt \
		--cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key "$@"
}

node() {
	local ready release
	[[ -f /etc/kubernetes/kubelet.conf ]] || return 0
	ready=$(kubectl --kubeconfig=/etc/kubernetes/kubelet.conf --cache-dir=/run/satchel.kubectl --request-timeout=5s get node "$HOST_NAME" \
		-o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.spec.unschedulable} {.status.nodeInfo.kubeletVersion}' 2>&1) || true
	rm -rf /run/satchel.kubectl
	read -r ready release <<<"$ready"
	if [[ $ready == True ]]; then
		line node "$HOST_NAME" ok "ready, $release"
	else
		line node "$HOST_NAME" bad "not ready: $ready $release"
	fi
}

# edited tells which files are not as the last script left them.
edited() {
	local path last now
	read_journal "$STEP"
	for path in ${WROTE[@]+"${!WROTE[@]}"}; do
		last=${WROTE[$path]##* }
		if [[ $path != /* || $last == - ]]; then continue; fi
		now=$(sha256sum 2>/dev/null <"$path" || true)
		if [[ ${now%% *} != "$last" ]]; then line drift "$path" bad 'has been edited since it was installed, or is gone'; fi
	done
}

# drift asks the steps what they would change. Those that need a secret say it only where
# the secrets are given.
drift() {
	local step said what
	begin_changes
	for step in "${steps[@]}"; do
		case $step in
		05-* | 9[05]-*) continue ;;
		55-* | 57-*) [[ -n $SECRETS ]] || continue ;;
		esac
		said=$(bash "$BUNDLE/steps/$step" 2>/dev/null) || true
		while IFS= read -r what; do
			if [[ $what == 'would change '* ]]; then line drift "${what#would change }" bad "is not as the bundle has it (step ${step%.sh})"; fi
		done <<<"$said"
	done
}

# chapters makes the checks of the guide. One that belongs on another host says so.
chapters() {
	local name='' kind text said=''
	if [[ -f $BUNDLE/check.sh ]]; then
		said=$("$BUNDLE/check.sh" --host "$HOST_NAME" 2>&1 </dev/null) || true
	fi
	while IFS=' ' read -r kind text; do
		case $kind in
		---) name=$text ;;
		ok) line check "$name" ok "$text" ;;
		skip) line check "$name" note "$text" ;;
		FAIL) line check "$name" bad "$text" ;;
		esac
	done <<<"$said"
	if [[ -z $said ]]; then
		line check checks note 'this bundle has none; it has them where the spec has a guide'
	elif [[ -z $name ]]; then
		line check checks bad "check.sh made none: ${said//$'\n'/ }"
	fi
}

units
versions
parts
certificates
addresses
etcd_health
node
if [[ -e /var/lib/satchel/journal/log ]]; then
	edited
	drift
else
	line host "$HOST_NAME" bad 'no bundle is installed here'
fi
if [[ -n $checks ]]; then chapters; fi

quoted() {
	local text=$1
	text=${text//\\/\\\\}
	text=${text//\"/\\\"}
	printf '"%s"' "$(printf '%s' "$text" | tr -d '\000-\037')"
}

bad=0
for one in "${lines[@]}"; do
	IFS=$'\t' read -r _ _ state _ <<<"$one"
	if [[ $state == bad ]]; then bad=$((bad + 1)); fi
done
if [[ $format == json ]]; then
	printf '{"cluster":%s,"host":%s,"bundle":%s,"bad":%s,"status":[' "$(quoted "$CLUSTER_NAME")" "$(quoted "$HOST_NAME")" "$(quoted "$BUNDLE_VERSION")" "$bad"
	comma=''
	for one in "${lines[@]}"; do
		IFS=$'\t' read -r kind name state text <<<"$one"
		printf '%s\n{"kind":"%s","name":%s,"state":"%s","text":%s}' "$comma" "$kind" "$(quoted "$name")" "$state" "$(quoted "$text")"
		comma=,
	done
	printf ']}\n'
else
	for one in "${lines[@]}"; do
		IFS=$'\t' read -r kind name state text <<<"$one"
		printf '%-4s  %-11s  %s: %s\n' "$state" "$kind" "$name" "$text"
	done
	if ((bad)); then say "$HOST_NAME: $bad not well"; else say "$HOST_NAME: all is well"; fi
fi
((bad == 0))
