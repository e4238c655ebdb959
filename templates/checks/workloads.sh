#!/bin/bash
# 1.1.9: every Deployment has the pods that it wants.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
total=0
while read -r namespace name wanted there; do
	[[ -n $name ]] || continue
	total=$((total + 1))
	if ((${there:-0} >= wanted)); then ok '%s has %s of %s pods' "$namespace/$name" "$there" "$wanted"; else wrong '%s has %s of %s pods: kubectl -n %s get pods' "$namespace/$name" "${there:-0}" "$wanted" "$namespace"; fi
done < <(ask get deployments --all-namespaces -o 'jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name} {.spec.replicas} {.status.availableReplicas}{"\n"}{end}')
if ((total == 0)); then wrong 'there is no Deployment at all, not even CoreDNS'; fi
