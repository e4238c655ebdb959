#!/bin/bash
# 2.1.4: how kube-proxy brings services to the nodes.
. "$BUNDLE/checks/lib.sh"

if is_in "$HOST_NAME" "$CONTROL_PLANES" && [[ -r $KUBECONFIG ]]; then
	mode=$(ask -n kube-system get configmap kube-proxy -o 'jsonpath={.data.config\.conf}' | sed -n 's/^mode: *"\{0,1\}\([a-z]*\)"\{0,1\}$/\1/p') || mode=''
	if [[ ${mode:-iptables} == "$PROXY_MODE" ]]; then ok "kube-proxy is set to $PROXY_MODE"; else wrong "kube-proxy is set to ${mode:-iptables}, and the spec says $PROXY_MODE"; fi
fi
only_on "$NODES" || exit 0
if listens "$DNS_ADDRESS" 53; then ok "the address of a service works here: $DNS_ADDRESS, that of CoreDNS"; else wrong "the address of a service does not work here: $DNS_ADDRESS, that of CoreDNS"; fi
if [[ $PROXY_MODE == ipvs ]]; then
	expect 'the interface kube-ipvs0 is there' ip link show kube-ipvs0
elif [[ -e /proc/net/ip_vs ]] || modprobe --dry-run --quiet ip_vs 2>/dev/null; then
	skip "ipvs is not looked at: this cluster uses $PROXY_MODE"
else
	skip "ipvs is not looked at: this cluster uses $PROXY_MODE, and the kernel of this host has no ipvs"
fi
