#!/bin/bash
# 2.3.1: each node has its part of the pods' network.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
declare -A seen=()
for node in $NODES; do
	name=${node%%=*}
	part=$(ask get node "$name" -o 'jsonpath={.spec.podCIDR}') || part=''
	if [[ -z $part ]]; then
		wrong "$name has no part of $PODS"
	elif [[ -n ${seen[$part]:-} ]]; then
		wrong "$name has the same part of $PODS as ${seen[$part]}: $part"
	else
		ok "$name has $part of $PODS"
		seen[$part]=$name
	fi
done
wanted=$(wc -w <<<"$NODES")
ready=$(ask -n kube-flannel get daemonset kube-flannel-ds -o 'jsonpath={.status.numberReady}') || ready=''
if [[ $ready == "$wanted" ]]; then ok "flannel is ready on all $ready nodes"; else wrong "flannel is ready on ${ready:-0} of $wanted nodes: kubectl -n kube-flannel get pods -o wide"; fi
