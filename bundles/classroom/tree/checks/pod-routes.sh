#!/bin/bash
# 2.3.3: how packets find the pods of other nodes.
. "$BUNDLE/checks/lib.sh"

# route ADDRESS prints what is routed by way of an address.
route() { ip -4 route show | awk -v by="$1" '$2 == "via" && $3 == by && !n++ {print $1}'; }
# wrapped ADDRESS prints what flannel wraps for the node with this address: a route leads
# to a neighbour on the vxlan, whose hardware address is at that node.
wrapped() {
	local vxlan=flannel.$FLANNEL_VNI hardware neighbour
	for hardware in $(bridge fdb show dev "$vxlan" 2>/dev/null | awk -v at="$1" '{for (i = 2; i < NF; i++) if ($i == "dst" && $(i + 1) == at) print $1}'); do
		for neighbour in $(ip -4 neigh show dev "$vxlan" | awk -v at="$hardware" '$2 == "lladdr" && $3 == at {print $1}'); do
			route "$neighbour"
		done
	done
}

only_on "$NODES" || exit 0
others=0
for node in $NODES; do
	if [[ ${node%%=*} == "$HOST_NAME" ]]; then continue; fi
	others=$((others + 1))
	straight=$(route "${node#*=}") around=''
	if [[ $FLANNEL_BACKEND == vxlan ]]; then around=$(wrapped "${node#*=}"); fi
	if [[ -n $straight ]]; then
		ok 'packets for %s go straight to %s, %s' "$straight" "${node%%=*}" "${node#*=}"
	elif [[ -n $around ]]; then
		ok 'packets for %s go to %s: %s wraps them into packets to %s' "$around" "${node%%=*}" "flannel.$FLANNEL_VNI" "${node#*=}"
	else
		wrong 'nothing leads to the pods of %s, %s' "${node%%=*}" "${node#*=}"
	fi
done
if ((others == 0)); then skip 'this is the only node'; fi
