#!/bin/bash
# Kernel modules and sysctls, now and at every boot.
. "$BUNDLE/steps/lib.sh"

if [[ -f $HOST_DIR/modules.conf ]]; then
	put "$HOST_DIR/modules.conf" /etc/modules-load.d/satchel.conf
	while read -r module; do
		if [[ $module != '#'* ]]; then load_module "$module"; fi
	done <"$HOST_DIR/modules.conf"
fi

[[ -f $HOST_DIR/sysctl.conf ]] || exit 0
put "$HOST_DIR/sysctl.conf" /etc/sysctl.d/99-satchel.conf
while IFS=' =' read -r key value; do
	if [[ $key != '' && $key != '#'* ]]; then set_sysctl "$key" "$value"; fi
done <"$HOST_DIR/sysctl.conf"
