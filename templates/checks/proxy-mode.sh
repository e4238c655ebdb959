#!/bin/bash
# 2.1.4: how kube-proxy brings services to the nodes.
. "$BUNDLE/checks/lib.sh"

if is_in "$HOST_NAME" "$PLANES" && [[ -r $KUBECONFIG ]]; then
	mode=$(ask -n kube-system get configmap kube-proxy -o 'jsonpath={.data.config\.conf}' | sed -n 's/^mode: *"\{0,1\}\([a-z]*\)"\{0,1\}$/\1/p') || mode=''
	if [[ ${mode:-iptables} == "$PROXY_MODE" ]]; then ok 'kube-proxy is set to %s' "$PROXY_MODE"; else wrong 'kube-proxy is set to %s, and the spec says %s' "${mode:-iptables}" "$PROXY_MODE"; fi
fi
only_on "$NODES" || exit 0
if listens "$DNS_ADDRESS" 53; then ok 'the address of a service works here: %s, that of CoreDNS' "$DNS_ADDRESS"; else wrong 'the address of a service does not work here: %s, that of CoreDNS' "$DNS_ADDRESS"; fi
if [[ $PROXY_MODE == ipvs ]]; then
	if ip link show kube-ipvs0 >/dev/null 2>&1; then ok '%s is there' kube-ipvs0; else wrong 'there is no interface %s' kube-ipvs0; fi
elif [[ -e /proc/net/ip_vs ]] || modprobe --dry-run --quiet ip_vs 2>/dev/null; then
	skip 'ipvs is not looked at: this cluster uses %s' "$PROXY_MODE"
else
	skip 'ipvs is not looked at: this cluster uses %s, and the kernel of this host has no ipvs' "$PROXY_MODE"
fi
