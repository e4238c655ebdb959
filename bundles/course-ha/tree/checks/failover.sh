#!/bin/bash
# 1.2.1 and 1.2.2: the load balancers and who holds the virtual addresses.
. "$BUNDLE/checks/lib.sh"

for vip in $VIPS; do
	name=${vip%%=*} rest=${vip#*=}
	address=${rest%%@*} holder=${rest#*@}
	if ip -o -4 addr show | grep -qF " $address/"; then
		if [[ -z $holder || $holder == "$HOST_NAME" ]]; then
			ok "this host holds $address ($name), as it should"
		else
			wrong "this host holds $address ($name), which belongs on $holder: is keepalived well there?"
		fi
	elif [[ $holder == "$HOST_NAME" ]]; then
		wrong "$address ($name) belongs on this host, and is not here: systemctl status keepalived haproxy"
	else
		ok "$address ($name) is not here${holder:+; it belongs on $holder}"
	fi
done
if is_in "$HOST_NAME" "$BALANCERS"; then
	for unit in haproxy.service keepalived.service; do
		expect "$unit runs" systemctl is-active --quiet "$unit"
	done
	said=$(http 127.0.0.1 "$STATS_PORT" /live) || said=''
	if [[ $said == *' 200 '* ]]; then
		ok 'haproxy answers keepalived'
	else
		wrong 'haproxy does not answer keepalived, which gives the addresses away'
	fi
	while read -r _ server at; do
		known=''
		for plane in $CONTROL_PLANES; do
			if [[ $server == "${plane%%=*}" && $at == "${plane#*=}:6443" ]]; then known=1; fi
		done
		if [[ -n $known ]]; then ok "haproxy sends to $server at $at"; else wrong "haproxy sends to $server at $at, where no API server is: look into /etc/haproxy/haproxy.cfg"; fi
	done < <(awk '$1 == "listen" {inside = $2 == "kubernetes-api"} inside && $1 == "server" {print $1, $2, $3}' /etc/haproxy/haproxy.cfg)
fi
if listens "${API%:*}" "${API##*:}"; then
	ok "something listens at the address of the API, $API"
else
	wrong "nothing listens at the address of the API, $API"
fi
