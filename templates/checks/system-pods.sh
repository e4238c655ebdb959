#!/bin/bash
# 1.1.8: the pods of the system itself.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for namespace in kube-system kube-flannel; do
	total=0 good=0
	while read -r name phase ready; do
		[[ -n $name ]] || continue
		total=$((total + 1))
		if [[ $phase == Succeeded || ($phase == Running && $ready != *false*) ]]; then
			good=$((good + 1))
		else
			wrong '%s is %s, not ready: kubectl -n %s describe pod %s' "$namespace/$name" "$phase" "$namespace" "$name"
		fi
	done < <(ask -n "$namespace" get pods -o 'jsonpath={range .items[*]}{.metadata.name} {.status.phase} {.status.containerStatuses[*].ready}{"\n"}{end}')
	if ((total == 0)); then wrong 'no pod in the namespace %s' "$namespace"; elif ((good == total)); then ok 'all %s pods of %s are well' "$total" "$namespace"; fi
done
