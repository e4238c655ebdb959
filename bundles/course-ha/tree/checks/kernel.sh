#!/bin/bash
# 1.1.2: swap, modules and settings of the kernel.
. "$BUNDLE/checks/lib.sh"

only_on "$NODES" || exit 0
if (($(wc -l </proc/swaps) <= 1)); then ok 'no swap is in use'; else wrong 'swap is in use: swapoff -a'; fi
if [[ ! -f $BUNDLE/hosts/$HOST_NAME/sysctl.conf ]]; then exit; fi
while read -r key _ value; do
	[[ -n $key && $key != '#'* ]] || continue
	own=$(sysctl -n "$key" 2>/dev/null) || own=''
	if [[ $own == "$value" ]]; then ok '%s is %s' "$key" "$value"; else wrong '%s should be %s and is %s' "$key" "$value" "${own:-$(tell 'not there')}"; fi
done <"$BUNDLE/hosts/$HOST_NAME/sysctl.conf"
