#!/bin/bash
# The host's own name, and the names of all hosts in /etc/hosts. Only the lines
# between the two marks are ours.
. "$BUNDLE/steps/lib.sh"

scratch
printf '%s\n' "$HOST_NAME" >"$NEW"
settle /etc/hostname 644
set_sysctl kernel.hostname "$HOST_NAME"

begin="# BEGIN satchel $CLUSTER_NAME"
end="# END satchel $CLUSTER_NAME"
scratch
{
	without "$begin" "$end" /etc/hosts
	printf '%s\n' "$begin"
	cat "$HOST_DIR/hosts"
	printf '%s\n' "$end"
} >"$NEW"
settle /etc/hosts 644
