#!/bin/bash
# kubeadm makes this host a node. It runs once; after an interruption it goes on from
# what is there.
. "$BUNDLE/steps/lib.sh"
. "$BUNDLE/steps/network.sh"

done_mark=/var/lib/satchel/kubeadm
undo() { # node, address, or network and what was there
	case $1 in
	address) ip address delete "$KUBE_VIP" dev "$INTERFACE" 2>/dev/null || true ;; # kube-vip leaves it
	network) undo_network "$2" ;;
	node) leave ;;
	esac
}

# leave has the host be no node any more, and forget what it noted of its cluster. kubeadm
# takes an etcd member out of the others, and removes the pods through the runtime.
leave() {
	rm -f "$done_mark" /var/lib/satchel/restored
	if [[ -f /etc/kubernetes/kubelet.conf || -d /var/lib/etcd/member || -d /var/lib/kubelet/pods ]]; then
		if [[ $CRI_SOCKET == *containerd* ]]; then systemctl start containerd.service; else systemctl start docker.service; fi
		kubeadm reset --force --cri-socket "$CRI_SOCKET" || printf 'kubeadm reset did not get to its end; the rest is undone without it\n'
	fi
	systemctl stop kubelet.service
	systemctl stop kubepods.slice 2>/dev/null || true
}

if [[ ${1:-} == undo ]]; then
	undo "${@:2}"
	exit
fi

config=/etc/kubernetes/kubeadm.yaml
if [[ -f $done_mark ]]; then exit 0; fi
changed "kubeadm:$KUBEADM"
if [[ -n $DRY_RUN ]]; then
	printf 'would run: kubeadm %s --config %s\n' "$KUBEADM" "$config"
	exit 0
fi

record_tree /var/lib/etcd
record_own network "$(network_now)"
if [[ -n ${KUBE_VIP:-} && -z $(ip -o address show to "${KUBE_VIP%/*}") ]]; then record_own address; fi
# The kubelet and kube-proxy set these.
keep_sysctls vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys \
	kernel.keys.root_maxbytes net.ipv4.conf.all.route_localnet net.netfilter.nf_conntrack_max \
	net.netfilter.nf_conntrack_tcp_timeout_established net.netfilter.nf_conntrack_tcp_timeout_close_wait
record active stopped kubelet.service
record_own node

# Left-overs of a run that was cut off: kubeadm keeps certificates and rewrites the
# rest, its checks only have to let it.
again=FileAvailable--etc-kubernetes-kubelet.conf,FileAvailable--etc-kubernetes-bootstrap-kubelet.conf
again+=,FileAvailable--etc-kubernetes-pki-ca.crt,Port-10250
for manifest in kube-apiserver kube-controller-manager kube-scheduler etcd; do
	again+=,FileAvailable--etc-kubernetes-manifests-$manifest.yaml
done
again+=,DirAvailable--var-lib-etcd,Port-6443,Port-10257,Port-10259,Port-2379,Port-2380

# node FIELD asks the cluster about this host's node, with the kubelet's own rights.
node() {
	[[ -f /etc/kubernetes/kubelet.conf ]] && kubectl --kubeconfig=/etc/kubernetes/kubelet.conf \
		--request-timeout=5s get node "$HOST_NAME" -o "jsonpath=$1" 2>/dev/null
}

# joined is true when an earlier run got to its end: a worker is a node then, a
# control plane has its label, which kubeadm gives last.
joined() {
	local label
	[[ -f /etc/kubernetes/kubelet.conf ]] || return 1
	systemctl start kubelet.service
	for _ in 1 2 3 4 5 6; do
		if [[ -z $JOIN_AFTER ]]; then
			[[ -z $(node '{.metadata.name}') ]] || return 0
		else
			label=$(node '{.metadata.labels}') || label=''
			[[ $label != *node-role.kubernetes.io/control-plane* ]] || return 0
		fi
		sleep 5
	done
	return 1
}

# rejoin takes a join back that was cut off, so that it can be done again.
rejoin() {
	local step
	printf 'an earlier join was cut off; it is undone and done again\n'
	kubeadm reset --force --cri-socket "$CRI_SOCKET" >/dev/null
	for step in 50-kubernetes.sh 55-pki.sh; do
		if [[ " $HOST_STEPS " == *" $step "* ]]; then bash "$BUNDLE/steps/$step"; fi
	done
}

# ask_restores sets RESTORES to what the cluster has noted of them. It is nothing where there
# was none, which is another thing than an API server that does not answer.
RESTORES=''
ask_restores() {
	RESTORES=$(kubectl --kubeconfig=/etc/kubernetes/admin.conf --request-timeout=30s get configmap satchel-restored \
		--namespace kube-system --ignore-not-found -o 'jsonpath={.data.tokens}')
}

if [[ $KUBEADM == init ]]; then
	# The address of the API may be that of a load balancer, which kubeadm talks to.
	if [[ $API != "$HOST_ADDRESS":* ]]; then wait_for "the load balancer at $API" connects "$API"; fi
	# Harbor has the images only when its host has pushed them.
	if [[ $REGISTRY_MODE == harbor ]]; then
		wait_for "the registry to have the images" kubeadm config images pull --config "$config"
	fi
	kubeadm init --config "$config" --skip-token-print --ignore-preflight-errors="$again"
else
	if [[ -n $JOIN_AFTER ]]; then
		wait_for "the control plane at $JOIN_AFTER, which joins before this one" api_ready "$JOIN_AFTER"
	fi
	wait_for "the API server at $API" api_ready "$API"
	if ! joined; then
		if [[ -f /etc/kubernetes/kubelet.conf || -f /etc/kubernetes/bootstrap-kubelet.conf || -d /var/lib/etcd/member ]]; then rejoin; fi
		kubeadm join --config "$config"
	fi
fi
# A control plane that joins counts the restores of etcd as the others do; see cluster.sh.
if [[ -n $JOIN_AFTER && ! -e /var/lib/satchel/restored ]]; then
	wait_for 'the API server to tell of the restores of etcd' ask_restores
	if [[ -n $RESTORES ]]; then put_state /var/lib/satchel/restored <<<"$RESTORES"; fi
fi
if [[ " $HOST_ROLES " == *' control-plane '* && ! -e /root/.kube/config ]]; then
	replace /etc/kubernetes/admin.conf /root/.kube/config 600
fi
printf '%s\n' "$CLUSTER_NAME" >"$done_mark"
