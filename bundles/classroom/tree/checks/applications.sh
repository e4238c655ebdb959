#!/bin/bash
# 1.3.1 to 1.3.3: the applications run, and answer at their node ports.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for application in $APPLICATIONS; do
	namespace=${application%%/*} name=${application#*/}
	state=$(ask -n "$namespace" get deployment "$name" -o 'jsonpath={.spec.replicas} {.status.availableReplicas}') || state=''
	if [[ -z $state ]]; then
		wrong "there is no Deployment $namespace/$name: kubectl apply -f manifests/application-$name.yaml"
	elif ((${state#* } + 0 >= ${state% *})); then
		ok "$namespace/$name has ${state% *} of ${state% *} pods"
	else
		wrong "$namespace/$name has $((${state#* } + 0)) of ${state% *} pods: kubectl -n $namespace get pods"
	fi
done
for service in $NODE_PORTS; do
	name=${service%%=*} port=${service#*=}
	for node in $NODES; do
		said=$(http "${node#*=}" "$port" /) || said=''
		if [[ -n $said ]]; then ok "$name answers at ${node#*=}:$port: $said"; else wrong "$name does not answer at ${node#*=}:$port"; fi
	done
done
