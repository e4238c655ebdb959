#!/bin/bash
# kube-vip on every control plane; one of them holds the address of the API.
. "$BUNDLE/steps/lib.sh"

put "$HOST_DIR/kube-vip.yaml" /etc/kubernetes/manifests/kube-vip.yaml 600
