#!/bin/bash
# 1.2.2: haproxy looks for an API server where none is.
. "$BUNDLE/lessons/lib.sh"

config=/etc/haproxy/haproxy.cfg
story() { say 'A colleague says: the status page of haproxy on %s shows a control plane as DOWN, and that one says that it is well.' "$HOST_NAME"; }
prepare() {
	systemctl is-active --quiet haproxy.service && grep -q '^ *server .*:6443' "$config" || return 1
	keep "$config"
	date +%s | note ready
}
spoil() {
	cp -p "$config" "$config.satchel-new"
	awk '!done && $1 == "server" && /:6443/ {sub(":6443", ":6444"); done = 1} {print}' "$RECORD/file" >"$config.satchel-new"
	mv -f "$config.satchel-new" "$config"
	systemctl reload-or-restart haproxy.service
}
mended() { ! grep -q '^ *server .*:6444' "$config" && [[ $(grep -c '^ *server .*:6443' "$config") == "$(grep -c '^ *server .*:6443' "$RECORD/file")" ]] && systemctl is-active --quiet haproxy.service; }
undo() {
	if ! kept "$config"; then give_back "$config"; fi
	systemctl reload-or-restart haproxy.service
}

lesson "$@"
