#!/bin/bash
# The kubelet refuses to start with swap in use. Active swap is switched off, the swap
# entries of fstab, and no others, become comments, and systemd's other swap units, which
# come from packages, administrators and generators (zram, partitions), are masked.
. "$BUNDLE/steps/lib.sh"

undo() { # PRIORITY DEVICE
	local priority device
	read -r priority device <<<"$1"
	if grep -qs "^$device " /proc/swaps; then return; fi
	if ((priority >= 0)); then swapon --priority "$priority" "$device"; else swapon "$device"; fi
}
if [[ ${1:-} == undo ]]; then
	undo "${@:2}"
	exit
fi

for unit in $(systemctl list-units --all --plain --no-legend --type=swap | awk '{print $1}'); do
	made=$(systemctl show --property=FragmentPath "$unit")
	made=${made#FragmentPath=}
	# What comes from fstab ends with its entry there; without a file it is what was
	# switched on by hand.
	if [[ $made == '' || $(systemctl show --property=SourcePath "$unit") == SourcePath=/etc/fstab ]]; then continue; fi
	if [[ $(systemctl is-enabled "$unit" 2>/dev/null) != masked ]]; then
		# The mask is a link in place of a unit's file in /etc, so that has to go aside.
		record_file "/etc/systemd/system/$unit"
		if [[ $made == "/etc/systemd/system/$unit" && -e $made ]]; then run rm "$made"; fi
		run systemctl mask --quiet "$unit"
		changed "$unit:masked"
	fi
done

if [[ $(wc -l </proc/swaps) -gt 1 ]]; then
	while read -r device _ _ _ priority; do
		if [[ $device == /* ]]; then record_own "$priority $device"; fi
	done </proc/swaps
	run swapoff -a
	changed swap:off
fi

[[ -f /etc/fstab ]] || exit 0
scratch
while IFS= read -r line || [[ -n $line ]]; do
	read -r device _ type _ <<<"$line"
	if [[ $device != '' && $device != '#'* && $type == swap ]]; then
		printf '# satchel: the kubelet needs swap off: %s\n' "$line"
	else
		printf '%s\n' "$line"
	fi
done </etc/fstab >"$NEW"
settle /etc/fstab kept
