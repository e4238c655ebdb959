#!/bin/bash
# 1.1.6, 1.1.7 and 1.2.4: all nodes have joined, are ready and take pods.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for node in $NODES; do
	name=${node%%=*}
	state=$(ask get node "$name" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.spec.unschedulable}') || state='absent'
	case $state in
	'True ') ok '%s is Ready' "$name" ;;
	'True true') wrong '%s is Ready, but takes no new pods: kubectl uncordon %s' "$name" "$name" ;;
	absent) wrong '%s has not joined' "$name" ;;
	*) wrong '%s is not Ready: look at its kubelet, systemctl status kubelet' "$name" ;;
	esac
done
