package closure

import "strings"

// system is what a minimal installation of a family of operating systems has: for
// each package its programs, and the units that can be relied on. Of Debian these
// are packages of the priorities required and important, which debootstrap installs
// without being asked; of RHEL the mandatory packages of the group core. What a
// container image leaves out (systemd, iproute2, kmod) is here: hosts boot.
type system struct {
	packages map[string]string
	units    string

	programs map[string]string // by program, its package
	known    map[string]bool   // units
}

var systems = map[string]*system{
	"debian": newSystem(debian, debianUnits),
	"rhel":   newSystem(rhel, rhelUnits),
}

// shared are packages that both families have under one name.
var shared = map[string]string{
	"bash": "bash",
	"coreutils": `[ arch base32 base64 basename cat chgrp chmod chown chroot cksum comm cp csplit cut date dd df
		dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln
		logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf
		ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort
		split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq
		unlink users vdir wc who whoami yes chcon`,
	"diffutils": "cmp diff diff3 sdiff",
	"findutils": "find xargs",
	"grep":      "egrep fgrep grep",
	"gzip":      "gunzip gzip zcat zcmp zdiff zgrep",
	"hostname":  "hostname dnsdomainname domainname",
	"kmod":      "depmod insmod lsmod modinfo modprobe rmmod",
	"less":      "less",
	"sed":       "sed",
	"tar":       "tar",
}

var debian = map[string]string{
	"bsdutils":   "logger renice script wall",
	"dash":       "dash sh",
	"dpkg":       "dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split dpkg-statoverride start-stop-daemon update-alternatives",
	"apt":        "apt apt-cache apt-config apt-get apt-mark",
	"debconf":    "debconf-set-selections",
	"iproute2":   "bridge ip rtmon ss tc",
	"libc-bin":   "getconf getent iconv ldconfig ldd locale localedef",
	"login":      "login nologin",
	"mawk":       "awk mawk",
	"mount":      "losetup mount swapoff swapon umount",
	"nftables":   "nft",
	"passwd":     "chage chpasswd groupadd groupdel groupmod passwd useradd userdel usermod vipw",
	"procps":     "free kill pgrep pkill ps pmap pwdx sysctl tload top uptime vmstat w watch",
	"systemd":    systemdPrograms,
	"udev":       "udevadm",
	"util-linux": utilLinux + " addpart agetty delpart su",
	"perl-base":  "perl",
	"e2fsprogs":  "chattr e2fsck lsattr mkfs.ext4 resize2fs tune2fs",
}

var rhel = map[string]string{
	"bash":             "bash sh",
	"gawk":             "awk gawk",
	"glibc-common":     "getconf getent iconv ldd locale localedef",
	"glibc":            "ldconfig",
	"iproute":          "bridge ip rtmon ss",
	"libselinux-utils": "getenforce getsebool matchpathcon selinuxenabled setenforce",
	"policycoreutils":  "fixfiles restorecon setsebool sestatus semodule",
	"procps-ng":        "free pgrep pidof pkill pmap ps pwdx sysctl tload top uptime vmstat w watch",
	"rpm":              "rpm rpm2cpio rpmdb rpmkeys",
	"shadow-utils":     "chage chpasswd groupadd groupdel groupmod useradd userdel usermod vipw",
	"passwd":           "passwd",
	"systemd":          systemdPrograms,
	"systemd-udev":     "udevadm",
	"util-linux":       utilLinux + " hwclock kill logger login losetup mount nologin renice script su swapoff swapon umount wall",
	"xfsprogs":         "mkfs.xfs xfs_info xfs_repair",
	"e2fsprogs":        "chattr e2fsck lsattr mkfs.ext4 resize2fs tune2fs",
	"curl":             "curl",
	"yum":              "yum",
	"openssh-server":   "sshd",
	"openssh-clients":  "scp sftp ssh",
	"sudo":             "sudo",
	"firewalld":        "firewall-cmd firewall-offline-cmd",
}

const systemdPrograms = `hostnamectl journalctl localectl loginctl systemctl systemd-analyze systemd-cat systemd-cgls
	systemd-detect-virt systemd-escape systemd-notify systemd-path systemd-run systemd-tmpfiles timedatectl busctl`

const utilLinux = `blkid blockdev dmesg fallocate findmnt flock fsfreeze getopt ionice ipcs
	lsblk lscpu lsns mcookie mkfs mkswap more mountpoint namei nsenter partx pivot_root prlimit rev setarch setpriv setsid
	swaplabel switch_root taskset unshare wdctl whereis wipefs zramctl lslocks chrt`

// commonUnits come with systemd itself.
const commonUnits = `basic.target default.target emergency.target graphical.target local-fs.target multi-user.target network.target
	network-online.target network-pre.target nss-lookup.target remote-fs.target rescue.target shutdown.target sockets.target
	swap.target sysinit.target time-sync.target timers.target systemd-journald.service
	systemd-logind.service systemd-modules-load.service systemd-sysctl.service systemd-tmpfiles-setup.service
	systemd-udevd.service`

const (
	debianUnits = commonUnits + " cron.service"
	rhelUnits   = commonUnits + " crond.service dbus.service dbus.socket firewalld.service NetworkManager.service sshd.service auditd.service"
)

func newSystem(own map[string]string, units string) *system {
	s := &system{packages: map[string]string{}, units: units, programs: map[string]string{}, known: map[string]bool{}}
	for _, list := range []map[string]string{shared, own} {
		for pkg, programs := range list {
			s.packages[pkg] = programs
		}
	}
	for pkg, programs := range s.packages {
		for _, program := range strings.Fields(programs) {
			s.programs[program] = pkg
		}
	}
	for _, unit := range strings.Fields(units) {
		s.known[unit] = true
	}
	return s
}

// baseline is what a host of a family has; of an unknown family it is nothing.
func baseline(family string) *system {
	if s, ok := systems[family]; ok {
		return s
	}
	return &system{}
}

// packaged is what a package brings beside the program for which a host needs it.
type packaged struct {
	programs []string
	// units by family; those under "" are the same in all.
	units map[string]string
}

var packages = map[string]packaged{
	"chrony": {
		programs: []string{"chronyc", "chronyd"},
		units:    map[string]string{"debian": "chrony.service chronyd.service", "rhel": "chronyd.service"},
	},
	"containerd":    {programs: []string{"containerd", "ctr"}, units: map[string]string{"": "containerd.service"}},
	"containerd.io": {programs: []string{"containerd", "ctr", "runc"}, units: map[string]string{"": "containerd.service"}},
	"docker.io":     {programs: []string{"docker", "dockerd"}, units: map[string]string{"": "docker.service docker.socket"}},
	"docker-ce":     {programs: []string{"dockerd"}, units: map[string]string{"": "docker.service docker.socket"}},
	"kubelet":       {units: map[string]string{"": "kubelet.service"}},
	"firewalld":     {programs: []string{"firewall-offline-cmd"}, units: map[string]string{"": "firewalld.service"}},
	"haproxy":       {units: map[string]string{"": "haproxy.service"}},
	"iproute":       {programs: []string{"bridge", "ss"}},
	"iproute2":      {programs: []string{"bridge", "ss", "tc"}},
	"iptables":      {programs: []string{"ip6tables", "iptables-restore", "iptables-save"}},
	"keepalived":    {units: map[string]string{"": "keepalived.service"}},
	"openssh-server": {
		units: map[string]string{"debian": "ssh.service ssh.socket sshd.service", "rhel": "sshd.service"},
	},
	"ufw": {units: map[string]string{"": "ufw.service"}},
}

// unitsOf are the units that a package brings to a host of a family.
func unitsOf(pkg, family string) []string {
	return strings.Fields(packages[pkg].units[""] + " " + packages[pkg].units[family])
}

// archives are the programs in what the bundle carries packed, by the names that
// the plan gives the files: paths in the archive. A file that is not packed is a
// program of its own name.
var archives = map[string]string{
	"cni-plugins.tgz":              "",
	"containerd.tar.gz":            "bin/containerd bin/containerd-shim-runc-v2 bin/containerd-stress bin/ctr",
	"cri-dockerd.tgz":              "cri-dockerd/cri-dockerd",
	"crictl.tar.gz":                "crictl",
	"docker.tgz":                   "docker/containerd docker/containerd-shim-runc-v2 docker/ctr docker/docker docker/docker-init docker/docker-proxy docker/dockerd docker/runc",
	"harbor-offline-installer.tgz": "harbor/common.sh harbor/install.sh harbor/prepare",
}
