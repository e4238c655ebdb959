#!/bin/bash
# The kubelet refuses to start with swap in use. Active swap is switched off, the swap
# entries of fstab, and no others, become comments, and swap that systemd makes by
# itself (zram, partitions that it finds) is masked.
. "$BUNDLE/steps/lib.sh"

for unit in $(systemctl list-units --all --plain --no-legend --type=swap | awk '{print $1}'); do
	# What comes from fstab ends with its entry there.
	made=$(systemctl show --property=FragmentPath "$unit")
	case ${made#FragmentPath=} in
	/run/systemd/generator/* | '') continue ;;
	esac
	if [[ $(systemctl is-enabled "$unit" 2>/dev/null) != masked ]]; then
		run systemctl mask --quiet "$unit"
		changed "$unit:masked"
	fi
done

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
