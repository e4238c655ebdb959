#!/bin/bash
# 1.2.3 and 1.2.5: all control planes have joined, and each has its part of etcd.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for plane in $CONTROL_PLANES; do
	name=${plane%%=*}
	for part in etcd kube-apiserver; do
		state=$(ask -n kube-system get pod "$part-$name" -o 'jsonpath={.status.phase} {.status.containerStatuses[0].ready}') || state='not there'
		if [[ $state == 'Running true' ]]; then ok "$part-$name is ready"; else wrong "$part-$name is $state"; fi
	done
done
for file in ca.crt ca.key apiserver.crt etcd/ca.crt sa.key; do
	expect "/etc/kubernetes/pki/$file is there" test -s "/etc/kubernetes/pki/$file"
done
