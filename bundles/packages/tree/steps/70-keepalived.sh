#!/bin/bash
# keepalived moves the virtual addresses between the load balancers. Its check only
# looks at haproxy and lowers the priority; nothing here ever stops keepalived.
. "$BUNDLE/steps/lib.sh"

undo() { # ADDRESS, which a keepalived that was killed leaves
	ip address delete "$1" dev "$INTERFACE" 2>/dev/null || true
}
if [[ ${1:-} == undo ]]; then
	undo "${@:2}"
	exit
fi

put "$HOST_DIR/check-haproxy.sh" /etc/keepalived/check-haproxy.sh 755
# Before 2.0.20 keepalived cannot test a configuration, and it wants the check in place.
check=(true)
if [[ -e /etc/keepalived/check-haproxy.sh && $(keepalived --help 2>&1) == *--config-test* ]]; then
	check=(keepalived --config-test --use-file)
fi
put "$HOST_DIR/keepalived.conf" /etc/keepalived/keepalived.conf 600 "${check[@]}"
unit=/etc/systemd/system/keepalived.service.d/satchel.conf
put "$BUNDLE/units/keepalived.service.d/satchel.conf" "$unit"
reload_units "$unit"
for address in $VIPS; do
	if [[ -z $(ip -o address show to "${address%/*}") ]]; then record_own "$address"; fi
done
enable keepalived.service
serve keepalived.service reload-or-restart /etc/keepalived/keepalived.conf
