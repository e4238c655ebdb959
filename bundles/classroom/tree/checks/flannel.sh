#!/bin/bash
# 2.3.2: flannel on this node.
. "$BUNDLE/checks/lib.sh"

only_on "$NODES" || exit 0
if [[ ! -f /run/flannel/subnet.env ]]; then
	wrong 'there is no /run/flannel/subnet.env: flannel has not started here'
	exit 0
fi
network='' subnet=''
while IFS='=' read -r key value; do
	case $key in
	FLANNEL_NETWORK) network=$value ;;
	FLANNEL_SUBNET) subnet=$value ;;
	esac
done </run/flannel/subnet.env
if [[ $network == "${PODS%%,*}" ]]; then ok 'this node has %s of %s' "$subnet" "$network"; else wrong 'flannel has the network %s, and the spec says %s' "$network" "${PODS%%,*}"; fi
if [[ $FLANNEL_BACKEND == vxlan ]]; then
	link=$(ip -d link show "flannel.$FLANNEL_VNI" 2>/dev/null) || link=''
	case $link in
	*"vxlan id $FLANNEL_VNI "*"dstport $FLANNEL_PORT "*) ok '%s is a vxlan with id %s and port %s' "flannel.$FLANNEL_VNI" "$FLANNEL_VNI" "$FLANNEL_PORT" ;;
	'') wrong 'there is no interface %s' "flannel.$FLANNEL_VNI" ;;
	*) wrong '%s is no vxlan with id %s and port %s' "flannel.$FLANNEL_VNI" "$FLANNEL_VNI" "$FLANNEL_PORT" ;;
	esac
fi
