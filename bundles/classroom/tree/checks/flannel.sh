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
if [[ $network == "${PODS%%,*}" ]]; then ok "this node has $subnet of $network"; else wrong "flannel has the network $network, and the spec says ${PODS%%,*}"; fi
if [[ $FLANNEL_BACKEND == vxlan ]]; then
	link=$(ip -d link show "flannel.$FLANNEL_VNI" 2>/dev/null) || link=''
	case $link in
	*"vxlan id $FLANNEL_VNI "*"dstport $FLANNEL_PORT "*) ok "flannel.$FLANNEL_VNI is a vxlan with id $FLANNEL_VNI and port $FLANNEL_PORT" ;;
	'') wrong "there is no interface flannel.$FLANNEL_VNI" ;;
	*) wrong "flannel.$FLANNEL_VNI is no vxlan with id $FLANNEL_VNI and port $FLANNEL_PORT" ;;
	esac
fi
