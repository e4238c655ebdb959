#!/bin/bash
# kubeadm makes this host a node. It runs once; after an interruption it goes on from
# what is there.
. "$BUNDLE/steps/lib.sh"

done_mark=/var/lib/satchel/kubeadm
config=/etc/kubernetes/kubeadm.yaml
if [[ -f $done_mark ]]; then exit 0; fi
changed "kubeadm:$KUBEADM"
if [[ -n $DRY_RUN ]]; then
	printf 'would run: kubeadm %s --config %s\n' "$KUBEADM" "$config"
	exit 0
fi

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

# undo takes a join back that was cut off, so that it can be done again.
undo() {
	local step
	printf 'an earlier join was cut off; it is undone and done again\n'
	kubeadm reset --force --cri-socket "$CRI_SOCKET" >/dev/null
	for step in 50-kubernetes.sh 55-pki.sh; do
		if [[ " $HOST_STEPS " == *" $step "* ]]; then bash "$BUNDLE/steps/$step"; fi
	done
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
		if [[ -f /etc/kubernetes/kubelet.conf || -f /etc/kubernetes/bootstrap-kubelet.conf || -d /var/lib/etcd/member ]]; then undo; fi
		kubeadm join --config "$config"
	fi
fi
if [[ " $HOST_ROLES " == *' control-plane '* && ! -e /root/.kube/config ]]; then
	mkdir -p /root/.kube
	(umask 077 && cp /etc/kubernetes/admin.conf /root/.kube/config)
fi
printf '%s\n' "$CLUSTER_NAME" >"$done_mark"
