#!/bin/bash
# 2.2.1: names of services.
. "$BUNDLE/checks/lib.sh"

only_on "$NODES" || exit 0
for service in kubernetes=default/ClusterIP kube-dns=kube-system/ClusterIP $SERVICES; do
	name=${service%%=*} rest=${service#*=}
	namespace=${rest%%/*}
	if [[ ${rest#*/} == ExternalName ]]; then continue; fi
	full=$name.$namespace.svc.$DNS_DOMAIN
	found=$(dns_lookup "$full") || found=''
	if [[ -n $found ]]; then ok '%s is %s' "$full" "${found//$'\n'/ }"; else wrong 'CoreDNS at %s does not know %s' "$DNS_ADDRESS" "$full"; fi
done
