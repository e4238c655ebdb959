#!/bin/bash
# The first control plane holds the address of the API before it is there, because
# kubeadm init itself asks for the API at that address.
. "$BUNDLE/steps/lib.sh"

if [[ ! -f /var/lib/satchel/kubeadm ]]; then
	put "$HOST_DIR/kube-vip.init.yaml" /etc/kubernetes/manifests/kube-vip.yaml 600
fi
