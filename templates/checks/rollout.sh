#!/bin/bash
# 1.3.4: each application's last change is rolled out, and all ways to it are open.
. "$BUNDLE/checks/lib.sh"

for forward in $FORWARDS; do
	said=$(http "${forward%:*}" "${forward##*:}" /) || said=''
	if [[ -n $said ]]; then ok '%s answers: %s' "$forward" "$said"; else wrong '%s does not answer: look at haproxy on the load balancers' "$forward"; fi
done
on_control_plane || exit 0
for application in $APPLICATIONS; do
	namespace=${application%%/*} name=${application#*/}
	state=$(ask -n "$namespace" get deployment "$name" -o 'jsonpath={.metadata.generation}|{.status.observedGeneration}|{.spec.replicas}|{.status.updatedReplicas}|{.status.replicas}|{.status.availableReplicas}') || state=''
	# A number that is 0 is left out.
	IFS='|' read -r generation observed wanted updated all available <<<"$state"
	updated=${updated:-0} available=${available:-0}
	if [[ -z $state ]]; then
		wrong 'there is no Deployment %s: kubectl apply -f %s' "$application" "manifests/application-$name.yaml"
	elif ((observed >= generation && updated == wanted && all == wanted && available == wanted)); then
		ok '%s: all %s pods are of the newest version' "$application" "$wanted"
	else
		wrong '%s: %s of %s pods are of the newest version, %s are available: kubectl -n %s rollout status %s' "$application" "$updated" "$wanted" "$available" "$namespace" "deployment/$name"
	fi
done
