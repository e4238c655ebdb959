#!/bin/bash
# 1.3.1 to 1.3.3: the applications run, and answer at their node ports.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for application in $APPLICATIONS; do
	namespace=${application%%/*} name=${application#*/}
	state=$(ask -n "$namespace" get deployment "$name" -o 'jsonpath={.spec.replicas} {.status.availableReplicas}') || state=''
	if [[ -z $state ]]; then
		wrong 'there is no Deployment %s: kubectl apply -f %s' "$application" "manifests/application-$name.yaml"
	elif ((${state#* } + 0 >= ${state% *})); then
		ok '%s has %s of %s pods' "$application" "${state% *}" "${state% *}"
	else
		wrong '%s has %s of %s pods: kubectl -n %s get pods' "$application" "$((${state#* } + 0))" "${state% *}" "$namespace"
	fi
done
for service in $NODE_PORTS; do
	name=${service%%=*} port=${service#*=}
	for node in $NODES; do
		said=$(http "${node#*=}" "$port" /) || said=''
		if [[ -n $said ]]; then ok '%s answers at %s: %s' "$name" "${node#*=}:$port" "$said"; else wrong '%s does not answer at %s' "$name" "${node#*=}:$port"; fi
	done
done
