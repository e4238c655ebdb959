#!/bin/bash
# Settings of the SSH daemon. They stand before all others, because of each setting the
# first one counts. Only the lines between the two marks are ours.
. "$BUNDLE/steps/lib.sh"

config=/etc/ssh/sshd_config
begin="# BEGIN satchel $CLUSTER_NAME"
end="# END satchel $CLUSTER_NAME"
scratch
{
	printf '%s\n' "$begin"
	cat "$HOST_DIR/sshd_config"
	printf '%s\n' "$end"
	without "$begin" "$end" "$config"
} >"$NEW"
# passes FILE has the daemon test it. One that has not run since the boot may lack the
# directory that it wants for that.
passes() {
	local made='' status=0
	if [[ ! -e /run/sshd ]]; then
		mkdir -m 755 /run/sshd
		made=1
	fi
	sshd -t -f "$1" || status=$?
	[[ -z $made ]] || rmdir /run/sshd
	return "$status"
}
if ! same_file "$NEW" "$config" && ! said=$(passes "$NEW" 2>&1); then
	die "the new $config does not pass sshd -t: $said"
fi
settle "$config" "$(stat -c %a "$config")"
unit=sshd.service
if systemctl cat ssh.service >/dev/null 2>&1; then unit=ssh.service; fi
# Connections that are open stay so.
if is_changed "$config"; then
	record active try-reload-or-restart "$unit"
	run systemctl try-reload-or-restart "$unit"
fi
