#!/bin/sh
# Starts one host. Runs as process 1 of a process namespace, so that nothing
# outlives systemd-nspawn, and in a private mount namespace, so that the kernel
# takes the mounts away with the last process.
#   LAB_GROUPS  control groups to join    LAB_OVERLAY  options of the root file system
#   LAB_CARD    its network namespace     LAB_ROOT     where to mount it
#   arguments   of systemd-nspawn
set -eu
# 0 stands for the writer itself.
for group in $LAB_GROUPS; do
	echo 0 > "$group/cgroup.procs"
done
# systemd-nspawn keeps locks and sockets in /run; they are of no use to others.
mount -t tmpfs -o mode=755 tmpfs /run
: > /run/card
mount --bind "$LAB_CARD" /run/card
mount -t proc proc /proc
mount -t overlay overlay -o "$LAB_OVERLAY" "$LAB_ROOT"
exec systemd-nspawn --directory="$LAB_ROOT" --network-namespace-path=/run/card "$@"
