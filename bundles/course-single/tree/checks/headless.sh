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
		ok '%s is its pods: %s' "$name.$namespace.svc.$DNS_DOMAIN" "${found//$'\n'/ }"
	else
		found=${found:-$(tell nothing)} pods=${pods:-$(tell nothing)}
		wrong '%s is %s, and its pods are %s' "$name.$namespace.svc.$DNS_DOMAIN" "${found//$'\n'/ }" "${pods//$'\n'/ }"
	fi
done
