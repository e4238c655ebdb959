#!/bin/bash
# 1.2.1 and 1.2.2: the load balancers and who holds the virtual addresses.
. "$BUNDLE/checks/lib.sh"

for vip in $ADDRESSES; do
	name=${vip%%=*} rest=${vip#*=}
	address=${rest%%@*} holder=${rest#*@}
	if [[ $(ip -o -4 addr show) == *" $address/"* ]]; then
		if [[ -z $holder || $holder == "$HOST_NAME" ]]; then
			ok 'this host holds %s (%s), as it should' "$address" "$name"
		else
			wrong 'this host holds %s (%s), which belongs on %s: is keepalived well there?' "$address" "$name" "$holder"
		fi
	elif [[ $holder == "$HOST_NAME" ]]; then
		wrong '%s (%s) belongs on this host, and is not here: systemctl status keepalived haproxy' "$address" "$name"
	elif [[ -n $holder ]]; then
		ok '%s (%s) is not here; it belongs on %s' "$address" "$name" "$holder"
	else
		ok '%s (%s) is not here' "$address" "$name"
	fi
done
if is_in "$HOST_NAME" "$BALANCERS"; then
	for unit in haproxy.service keepalived.service; do
		if systemctl is-active --quiet "$unit"; then ok '%s runs' "$unit"; else wrong '%s does not run: systemctl status %s' "$unit" "$unit"; fi
	done
	said=$(http 127.0.0.1 "$STATS_PORT" /live) || said=''
	if [[ $said == *' 200 '* ]]; then
		ok 'haproxy answers keepalived'
	else
		wrong 'haproxy does not answer keepalived, which gives the addresses away'
	fi
	while read -r _ server at; do
		known=''
		for plane in $PLANES; do
			if [[ $server == "${plane%%=*}" && $at == "${plane#*=}:6443" ]]; then known=1; fi
		done
		if [[ -n $known ]]; then ok 'haproxy sends to %s at %s' "$server" "$at"; else wrong 'haproxy sends to %s at %s, where no API server is: look into /etc/haproxy/haproxy.cfg' "$server" "$at"; fi
	done < <(awk '$1 == "listen" {inside = $2 == "kubernetes-api"} inside && $1 == "server" {print $1, $2, $3}' /etc/haproxy/haproxy.cfg)
fi
if listens "${API%:*}" "${API##*:}"; then
	ok 'something listens at the address of the API, %s' "$API"
else
	wrong 'nothing listens at the address of the API, %s' "$API"
fi
