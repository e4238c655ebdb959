#!/bin/bash
# 1.2.3 and 1.2.5: all control planes have joined, and each has its part of etcd.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for plane in $PLANES; do
	name=${plane%%=*}
	for part in etcd kube-apiserver; do
		state=$(ask -n kube-system get pod "$part-$name" -o 'jsonpath={.status.phase} {.status.containerStatuses[0].ready}') || state=''
		if [[ $state == 'Running true' ]]; then
			ok '%s is ready' "$part-$name"
		else
			wrong '%s is %s' "$part-$name" "${state:-$(tell 'not there')}"
		fi
	done
done
for file in ca.crt ca.key apiserver.crt etcd/ca.crt sa.key; do
	if [[ -s /etc/kubernetes/pki/$file ]]; then ok '%s is there' "/etc/kubernetes/pki/$file"; else wrong 'there is no %s' "/etc/kubernetes/pki/$file"; fi
done
