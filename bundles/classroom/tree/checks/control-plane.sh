#!/bin/bash
# 1.1.5: what runs a control plane.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
ok "the Kubernetes API at $API is ready"
for part in etcd kube-apiserver kube-controller-manager kube-scheduler; do
	state=$(ask -n kube-system get pod "$part-$HOST_NAME" -o 'jsonpath={.status.phase}') || state='not there'
	if [[ $state == Running ]]; then ok "$part-$HOST_NAME runs"; else wrong "$part-$HOST_NAME is $state: look into /etc/kubernetes/manifests"; fi
done
server=$(ask get nodes "$HOST_NAME" -o 'jsonpath={.status.nodeInfo.kubeletVersion}') || server=unknown
if [[ $server == "v$KUBERNETES" ]]; then ok "the kubelet is $server"; else wrong "the kubelet is $server, and the bundle has v$KUBERNETES"; fi
