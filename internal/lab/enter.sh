#!/bin/sh
# Runs a command inside a host: in its control groups (LAB_GROUPS) and in the
# namespaces of its process 1 (LAB_LEADER).
set -eu
for group in $LAB_GROUPS; do
	echo 0 > "$group/cgroup.procs"
done
root=/proc/$LAB_LEADER/root
exec nsenter --target "$LAB_LEADER" --mount --uts --ipc --net --pid --cgroup --root="$root" --wd="$root" \
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 "$@"
