#!/bin/bash
# 1.1.5: what runs a control plane.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
ok 'the Kubernetes API at %s is ready' "$API"
for part in etcd kube-apiserver kube-controller-manager kube-scheduler; do
	state=$(ask -n kube-system get pod "$part-$HOST_NAME" -o 'jsonpath={.status.phase}') || state=''
	if [[ $state == Running ]]; then
		ok '%s runs' "$part-$HOST_NAME"
	else
		wrong '%s is %s: look into /etc/kubernetes/manifests' "$part-$HOST_NAME" "${state:-$(tell 'not there')}"
	fi
done
server=$(ask get nodes "$HOST_NAME" -o 'jsonpath={.status.nodeInfo.kubeletVersion}') || server=''
if [[ $server == "v$KUBERNETES" ]]; then
	ok 'the kubelet is %s' "$server"
else
	wrong 'the kubelet is %s, and the bundle has %s' "${server:-$(tell 'not there')}" "v$KUBERNETES"
fi
