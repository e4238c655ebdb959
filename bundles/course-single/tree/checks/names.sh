#!/bin/bash
# 1.1.1: every host is known by its name.
. "$BUNDLE/checks/lib.sh"

for host in $HOSTS; do
	name=${host%%=*} address=${host#*=}
	found=$(getent ahostsv4 "$name" 2>/dev/null | awk '{print $1; exit}') || true
	if [[ $found == "$address" ]]; then
		ok '%s is %s' "$name" "$address"
	else
		wrong '%s should be %s and is %s: look into /etc/hosts' "$name" "$address" "${found:-$(tell unknown)}"
	fi
done
