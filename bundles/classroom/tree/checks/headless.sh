#!/bin/bash
# 2.2.3: the name of a headless service leads to the pods themselves.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for service in $SERVICES; do
	name=${service%%=*} rest=${service#*=}
	namespace=${rest%%/*}
	if [[ ${rest#*/} != Headless ]]; then continue; fi
	pods=$(ask -n "$namespace" get endpoints "$name" -o 'jsonpath={range .subsets[*].addresses[*]}{.ip}{"\n"}{end}' | sort) || pods=''
	found=$(dns_lookup "$name.$namespace.svc.$DNS_DOMAIN") || found=''
	if [[ -n $pods && $found == "$pods" ]]; then
		ok "$name.$namespace.svc.$DNS_DOMAIN is its pods: ${found//$'\n'/ }"
	else
		wrong "$name.$namespace.svc.$DNS_DOMAIN is ${found//$'\n'/ }, and its pods are ${pods//$'\n'/ }"
	fi
done
