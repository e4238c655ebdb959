#!/bin/bash
# 1.1.6: a node whose kubelet does not run.
. "$BUNDLE/lessons/lib.sh"

story() { say 'A colleague says: kubectl get nodes shows %s as NotReady after a minute, and new pods never start there.' "$HOST_NAME"; }
prepare() {
	systemctl is-active --quiet kubelet.service || return 1
	date +%s | note ready
}
spoil() { systemctl stop kubelet.service; }
mended() { systemctl is-active --quiet kubelet.service; }
undo() { systemctl start kubelet.service; }

lesson "$@"
