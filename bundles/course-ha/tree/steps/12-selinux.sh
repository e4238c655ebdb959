#!/bin/bash
# SELinux notes what it would forbid and forbids nothing (permissive), now and at boot.
. "$BUNDLE/steps/lib.sh"

undo() {
	if [[ -e /sys/fs/selinux/enforce ]]; then setenforce 1; fi
}
if [[ ${1:-} == undo ]]; then
	undo "${@:2}"
	exit
fi

if [[ -e /sys/fs/selinux/enforce && $(cat /sys/fs/selinux/enforce) == 1 ]]; then
	record_own enforcing
	run setenforce 0
	changed selinux:permissive
fi
[[ -f /etc/selinux/config ]] || exit 0
scratch
while IFS= read -r line || [[ -n $line ]]; do
	if [[ $line == SELINUX=enforcing* ]]; then line=SELINUX=permissive; fi
	printf '%s\n' "$line"
done </etc/selinux/config >"$NEW"
settle /etc/selinux/config kept
