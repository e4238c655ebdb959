#!/bin/bash
# Kernel modules and sysctls, now and at every boot.
. "$BUNDLE/steps/lib.sh"

if [[ -f $HOST_DIR/modules.conf ]]; then
	put "$HOST_DIR/modules.conf" /etc/modules-load.d/satchel.conf
	while read -r module; do
		# A module that is built in has no entry in /proc/modules; its directory may be missing too.
		# A kernel without modules has not even that file.
		if [[ $module != '#'* ]] && ! grep -qs "^$module " /proc/modules && [[ ! -d /sys/module/$module ]]; then
			run modprobe "$module" || die "cannot load the kernel module $module; install the kernel's extra modules"
		fi
	done <"$HOST_DIR/modules.conf"
fi

[[ -f $HOST_DIR/sysctl.conf ]] || exit 0
put "$HOST_DIR/sysctl.conf" /etc/sysctl.d/99-satchel.conf
while IFS=' =' read -r key value; do
	[[ $key == '' || $key == '#'* ]] && continue
	file=/proc/sys/${key//.//}
	if [[ ! -e $file ]]; then
		[[ -n $DRY_RUN ]] || die "the kernel has no setting $key; a module may be missing"
	elif [[ $(cat "$file") != "$value" ]]; then
		if [[ -z $DRY_RUN ]]; then
			printf '%s\n' "$value" >"$file" || die "cannot set $key to $value"
		fi
		changed "sysctl:$key"
	fi
done <"$HOST_DIR/sysctl.conf"
