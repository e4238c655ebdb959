#!/bin/bash
# 1.1.7: a node that takes no new pods.
. "$BUNDLE/lessons/lib.sh"

node=$(names "$WORKERS")
node=${node%% *}
flag() { kubectl get node "$node" -o 'jsonpath={.spec.unschedulable}'; }

story() { say 'A colleague says: all nodes are Ready, but after scaling up, pods stay Pending or crowd on few nodes.'; }
prepare() {
	local before
	before=$(flag) && [[ -z $before ]] || return 1
	printf '%s\n' "$node" | note ready
}
spoil() { kubectl cordon "$node" >/dev/null; }
mended() { [[ -z $(flag) ]]; }
undo() { kubectl uncordon "$(noted ready)" >/dev/null; }

lesson "$@"
