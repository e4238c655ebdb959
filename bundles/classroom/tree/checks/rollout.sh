#!/bin/bash
# 1.3.4: each application's last change is rolled out, and all ways to it are open.
. "$BUNDLE/checks/lib.sh"

for forward in $FORWARDS; do
	said=$(http "${forward%:*}" "${forward##*:}" /) || said=''
	if [[ -n $said ]]; then ok "$forward answers: $said"; else wrong "$forward does not answer: look at haproxy on the load balancers"; fi
done
on_control_plane || exit 0
for application in $APPLICATIONS; do
	namespace=${application%%/*} name=${application#*/}
	state=$(ask -n "$namespace" get deployment "$name" -o 'jsonpath={.metadata.generation} {.status.observedGeneration} {.spec.replicas} {.status.updatedReplicas} {.status.replicas} {.status.availableReplicas}') || state=''
	read -r generation observed wanted updated all available <<<"$state 0 0 0 0 0 0"
	if [[ -z $state ]]; then
		wrong "there is no Deployment $namespace/$name"
	elif ((observed >= generation && updated == wanted && all == wanted && available == wanted)); then
		ok "$namespace/$name: all $wanted pods are of the newest version"
	else
		wrong "$namespace/$name: $updated of $wanted pods are of the newest version, $available are available: kubectl -n $namespace rollout status deployment/$name"
	fi
done
