#!/bin/bash
# The host's own name, and the names of all hosts in /etc/hosts. Only the lines
# between the two marks are ours.
. "$BUNDLE/steps/lib.sh"

if [[ $(uname -n) != "$HOST_NAME" ]]; then
	if [[ -z $DRY_RUN ]]; then
		printf '%s\n' "$HOST_NAME" >/etc/hostname
		printf '%s\n' "$HOST_NAME" >/proc/sys/kernel/hostname
	fi
	changed "hostname"
fi

begin="# BEGIN satchel $CLUSTER_NAME"
end="# END satchel $CLUSTER_NAME"
scratch /etc/hosts
{
	without "$begin" "$end" /etc/hosts
	printf '%s\n' "$begin"
	cat "$HOST_DIR/hosts"
	printf '%s\n' "$end"
} >"$NEW"
settle /etc/hosts 644
