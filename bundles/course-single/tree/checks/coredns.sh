#!/bin/bash
# 2.2.2: CoreDNS and the names that it has from its configuration.
. "$BUNDLE/checks/lib.sh"

only_on "$NODES" || exit 0
for host in $DNS_HOSTS; do
	found=$(dns_lookup "${host%%=*}") || found=''
	if [[ $found == "${host#*=}" ]]; then
		ok '%s is %s' "${host%%=*}" "${host#*=}"
	else
		wrong '%s should be %s, and CoreDNS says %s' "${host%%=*}" "${host#*=}" "${found:-$(tell nothing)}"
	fi
done
on_control_plane || exit 0
now=$(ask -n kube-system get configmap coredns -o 'jsonpath={.data.Corefile}' | awk '$1 == "forward" && $2 == "." {sub("[{]", ""); $1 = $2 = ""; sub("^ +", ""); sub(" +$", ""); print}') || now=''
if [[ $now == "$DNS_FORWARD" ]]; then
	ok 'CoreDNS asks %s about other names' "${now:-$(tell nobody)}"
else
	wrong 'CoreDNS asks %s about other names, and should ask %s' "${now:-$(tell nobody)}" "${DNS_FORWARD:-$(tell nobody)}"
fi
