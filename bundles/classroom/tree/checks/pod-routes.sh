#!/bin/bash
# 2.3.3: how packets find the pods of other nodes.
. "$BUNDLE/checks/lib.sh"

only_on "$NODES" || exit 0
others=0
for node in $NODES; do
	if [[ ${node%%=*} == "$HOST_NAME" ]]; then continue; fi
	others=$((others + 1))
	if [[ $FLANNEL_BACKEND == host-gw ]]; then
		route=$(ip route show | grep -E "^[0-9./]+ via ${node#*=} " | awk '{print $1; exit}') || route=''
		if [[ -n $route ]]; then ok "$route goes straight to ${node%%=*}, ${node#*=}"; else wrong "no route leads to ${node%%=*}, ${node#*=}"; fi
	elif bridge fdb show dev "flannel.$FLANNEL_VNI" 2>/dev/null | grep -qF "dst ${node#*=} "; then
		ok "flannel.$FLANNEL_VNI wraps packets for ${node%%=*} to ${node#*=}"
	elif ip route show | grep -qE "^[0-9./]+ via ${node#*=} "; then
		ok "packets for ${node%%=*} go straight to ${node#*=}"
	else
		wrong "nothing leads to the pods of ${node%%=*}, ${node#*=}"
	fi
done
if ((others == 0)); then skip 'this is the only node'; fi
