#!/bin/bash
# The kubelet refuses to start with swap in use. Active swap is switched off, and the
# swap entries of fstab, and no others, become comments.
. "$BUNDLE/steps/lib.sh"

if [[ $(wc -l </proc/swaps) -gt 1 ]]; then
	run swapoff -a
	changed swap:off
fi

[[ -f /etc/fstab ]] || exit 0
scratch /etc/fstab
while IFS= read -r line || [[ -n $line ]]; do
	read -r device _ type _ <<<"$line"
	if [[ $device != '' && $device != '#'* && $type == swap ]]; then
		printf '# satchel: the kubelet needs swap off: %s\n' "$line"
	else
		printf '%s\n' "$line"
	fi
done </etc/fstab >"$NEW"
settle /etc/fstab 644
