#!/bin/bash
# 1.2.2: a virtual address is on the load balancer that should not have it.
. "$BUNDLE/lessons/lib.sh"

config=/etc/keepalived/keepalived.conf
address=${API%:*}
held() { [[ $(ip -o -4 addr show) == *" $address/"* ]]; }
# settles COMMAND... waits for the election to end with what is wanted.
settles() {
	local tries
	for tries in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		if "$@"; then return; fi
		sleep "$((tries > 5 ? 2 : 1))"
	done
	return 1
}

story() { say 'A colleague says: %s is not on %s, where it belongs, though haproxy and keepalived run here.' "$address" "$HOST_NAME"; }
prepare() {
	held && systemctl is-active --quiet keepalived.service || return 1
	keep "$config"
	date +%s | note ready
}
spoil() {
	cp -p "$config" "$config.satchel-new"
	sed 's/^\( *priority\) [0-9]*$/\1 1/' "$RECORD/file" >"$config.satchel-new"
	mv -f "$config.satchel-new" "$config"
	systemctl reload-or-restart keepalived.service
}
mended() { settles held; }
undo() {
	if ! kept "$config"; then give_back "$config"; fi
	systemctl reload-or-restart keepalived.service
	settles held
}

lesson "$@"
