#!/bin/bash
# 2.3.1: each node has its part of the pods' network.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
declare -A seen=()
for node in $NODES; do
	name=${node%%=*}
	part=$(ask get node "$name" -o 'jsonpath={.spec.podCIDR}') || part=''
	if [[ -z $part ]]; then
		wrong '%s has no part of %s' "$name" "$PODS"
	elif [[ -n ${seen[$part]:-} ]]; then
		wrong '%s has the same part of %s as %s: %s' "$name" "$PODS" "${seen[$part]}" "$part"
	else
		ok '%s has %s of %s' "$name" "$part" "$PODS"
		seen[$part]=$name
	fi
done
wanted=$(wc -w <<<"$NODES")
ready=$(ask -n kube-flannel get daemonset kube-flannel-ds -o 'jsonpath={.status.numberReady}') || ready=''
if [[ $ready == "$wanted" ]]; then ok 'flannel is ready on all %s nodes' "$ready"; else wrong 'flannel is ready on %s of %s nodes: kubectl -n kube-flannel get pods -o wide' "${ready:-0}" "$wanted"; fi
