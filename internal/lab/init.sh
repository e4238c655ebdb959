#!/bin/sh
# Process 1 of a host, before it becomes systemd: makes the container look like
# a machine. Runs inside the host's namespaces.
exec >/dev/console 2>&1

# The cgroup v1 controllers come in read-only. They are rooted at this host's
# own groups, so a kubelet or container runtime may have them.
mount -o remount,bind,rw,nosuid,nodev,noexec /sys/fs/cgroup
for controller in /sys/fs/cgroup/*/; do
	mount -o remount,bind,rw,nosuid,nodev,noexec "$controller"
done

# These kernel settings belong to the whole machine. The host gets writable
# copies: its sysctl settings succeed, can be read back, and reach nobody.
copies=/run/lab-sysctl
mkdir -p $copies /run/lab-proc
mount -t tmpfs -o mode=755 tmpfs $copies
mount -t proc proc /run/lab-proc
for tree in vm kernel fs; do
	cp -r /proc/sys/$tree $copies/ 2>/dev/null
	chmod -R u+w $copies/$tree
	mount --bind $copies/$tree /proc/sys/$tree
done
# These three are the host's own.
for own in kernel/random kernel/hostname kernel/domainname; do
	mount --bind /run/lab-proc/sys/$own /proc/sys/$own
done
umount /run/lab-proc
rmdir /run/lab-proc

# Modules that are built into the kernel count as loaded for modprobe.
if [ -d "/lib/modules/$(uname -r)" ] && [ ! -e "/lib/modules/$(uname -r)/modules.dep" ]; then
	depmod
fi

mount --make-rshared /
exec /lib/systemd/systemd systemd.unit=multi-user.target
