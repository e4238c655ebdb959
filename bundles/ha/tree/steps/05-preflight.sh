#!/bin/bash
# Everything that can be known to be wrong before the first change, all of it at once.
. "$BUNDLE/steps/lib.sh"
. "$BUNDLE/steps/keys.sh"

problems=()
problem() { problems+=("$1"); }

# report stops if there is a problem.
report() {
	((${#problems[@]} == 0)) && return
	printf '%s\n' "nothing was changed, because on $HOST_NAME:" >&2
	printf '  - %s\n' "${problems[@]}" >&2
	exit 1
}

# runs STEP is true when the host runs the step of this name.
runs() { [[ " $HOST_STEPS " == *" $1.sh "* ]]; }

# ignored NAME is true when the spec has kubeadm pass over this error.
ignored() { [[ ,${IGNORED_ERRORS:-}, == *",$1,"* || ${IGNORED_ERRORS:-} == all ]]; }

check_secrets() {
	local mark name
	for mark in $({ grep -rhoE '@secret:[a-z0-9-]+@' "$HOST_DIR" || true; } | sort -u); do
		name=${mark#@secret:}
		name=${name%@}
		[[ -n ${PARTLY:-} || -n ${SECRET[$name]:-} ]] || problem "the secret $name is missing; $(secrets_with)"
	done
	if [[ -n ${SECRET[cluster]:-} && ${SECRET[cluster]} != "$CLUSTER_NAME" ]]; then
		problem "the secrets are those of the cluster ${SECRET[cluster]}, this bundle is of $CLUSTER_NAME"
	fi
}

# check_encryption holds that the API server here goes on with the key that it writes with.
check_encryption() {
	if [[ -f $HOST_DIR/encryption.yaml && -n ${SECRET[encryption-key]:-} && -n ${SECRET[encryption-key-name]:-} ]]; then
		check_key || problem "$KEY_PROBLEM"
	fi
}

check_clock() {
	local now
	now=$(date +%s)
	if [[ -n ${SECRET[created]:-} ]] && ((now < SECRET[created] - 300)); then
		problem "the clock says $(date -u +%FT%TZ), which is before the secrets were made ($(date -u -d "@${SECRET[created]}" +%FT%TZ)); set it"
	elif ((now < 1640995200)); then # 2022
		problem "the clock says $(date -u +%FT%TZ), which is long past; set it"
	fi
}

check_system() {
	local os need id
	if [[ $(uname -s) != Linux ]]; then problem "this is $(uname -s), not Linux"; fi
	case $HOST_ARCH:$(uname -m) in
	amd64:x86_64 | arm64:aarch64) ;;
	*) problem "the spec says that $HOST_NAME is $HOST_ARCH, and this machine is $(uname -m)" ;;
	esac
	[[ -d /run/systemd/system ]] || problem 'systemd does not run here'
	for need in $HOST_NEEDS; do
		command -v "${need%%:*}" >/dev/null || [[ " ${PACKAGES:-} " == *" ${need#*:} "* ]] ||
			problem "${need%%:*} is not installed; install the operating system's package ${need#*:} first"
	done
	# Only names of packages depend on the family; the steps look at what is there.
	os=$(. /etc/os-release && printf '%s' " ${ID:-} ${ID_LIKE:-} ")
	case $OS_FAMILY:$os in
	debian:*' debian '* | debian:*' ubuntu '* | rhel:*' rhel '* | rhel:*' centos '* | rhel:*' fedora '* | rhel:*' openEuler '*) ;;
	*) printf 'note: the spec says os.family %s, and this is%s\n' "$OS_FAMILY" "$os" ;;
	esac
	id=$(cat /etc/machine-id 2>/dev/null || true)
	[[ $id =~ ^[0-9a-f]{32}$ ]] || problem '/etc/machine-id is not there or not whole; make it with systemd-machine-id-setup'
}

check_owner() {
	local owner name
	owner=$(cat "$STATE/cluster" 2>/dev/null || true)
	name=$(cat "$STATE/host" 2>/dev/null || true)
	if [[ -n $owner && $owner != "$CLUSTER_NAME" ]]; then
		problem "this host belongs to the cluster $owner; use a host that is free, or ./reset.sh of that cluster's bundle"
	fi
	if [[ -n $name && $name != "$HOST_NAME" ]]; then problem "this host was installed as $name, not as $HOST_NAME"; fi
}

# check_names holds that this is the machine that the spec means.
check_names() {
	local name line mtu
	if [[ ! " $(ip -o -4 addr show 2>/dev/null || hostname -I) " =~ [[:space:]]${HOST_ADDRESS//./\\.}[/[:space:]] ]]; then
		problem "no network interface has the address $HOST_ADDRESS of $HOST_NAME"
	elif [[ ! " $(ip -o -4 addr show dev "$INTERFACE" 2>/dev/null) " =~ [[:space:]]${HOST_ADDRESS//./\\.}/ ]]; then
		problem "the address $HOST_ADDRESS is not at the interface $INTERFACE, which the spec names"
	fi
	name=$(uname -n)
	name=${name%%.*}
	while read -r line; do
		if [[ " $line " == *" ${name,,} "* && " $line " != *" $HOST_NAME "* ]]; then
			problem "this machine is named $name, which is another host of the cluster"
		fi
	done <"$HOST_DIR/hosts"
	mtu=$(cat "/sys/class/net/$INTERFACE/mtu" 2>/dev/null || true)
	if [[ -n $mtu ]] && ((mtu < 1280)); then problem "the interface $INTERFACE has an MTU of $mtu; less than 1280 is too small for the network of pods"; fi
}

# is_filled is true on a node that has all that takes room. What an upgrade brings is there
# when it has come to kubeadm.
is_filled() {
	[[ -f $STATE/kubeadm ]] || return 1
	[[ -n ${UPGRADE:-} ]] || return 0
	command -v kubeadm >/dev/null || return 1
	[[ $(kubeadm version -o short 2>/dev/null || true) == "v$KUBERNETES_VERSION" ]]
}

# check_writable holds that all the places can be written, and have room. Sizes are KiB.
check_writable() {
	local dir need binaries=0 images=0 files filled=''
	if is_filled; then filled=1; fi
	read -r -a files <<<"$HOST_FILES"
	if ((${#files[@]})); then binaries=$(cd "$BUNDLE" && du -ck "${files[@]}" | awk 'END {print $1}'); fi
	if [[ -n $HOST_IMAGES ]]; then images=$(du -sk "$BUNDLE/images" 2>/dev/null | cut -f1); fi
	# The runtime keeps them packed and unpacked, a registry links them where it can.
	if runs 45-images; then images=$((${images:-0} * 4)); fi
	for dir in /etc /usr/local /var/lib /var/log /run /root; do
		need=1024
		case $dir in
		/usr/local) need=$((binaries * 3)) ;;
		/var/lib) need=$((${images:-0} + 4096)) ;;
		esac
		writable "$dir" "$need"
	done
	if [[ -n ${KUBEADM:-} ]]; then writable /opt 65536; fi
	for dir in /var/lib/containerd /var/lib/docker /var/lib/kubelet /var/lib/etcd; do
		if [[ -n ${KUBEADM:-} && -d $dir ]]; then writable "$dir" 65536; fi
	done
}

# writable DIR KIB reports a directory that cannot be written, or lacks room that is needed.
writable() {
	local room
	if [[ ! -d $1 || ! -w $1 ]]; then
		problem "$1 cannot be written; is its file system read-only?"
		return
	fi
	if [[ -n $filled ]]; then return; fi
	room=$(df -Pk "$1" | awk 'NR == 2 {print $4}')
	if [[ -n $room ]] && ((room < $2)); then problem "the file system of $1 has $((room / 1024)) MiB free, and $(($2 / 1024 + 1)) are needed"; fi
}

# check_kernel is about what a node needs of the kernel.
check_kernel() {
	local module controller
	if [[ -f $HOST_DIR/modules.conf ]]; then
		while read -r module; do
			if [[ $module == '' || $module == '#'* || -d /sys/module/$module ]] || grep -qs "^$module " /proc/modules; then continue; fi
			modprobe --dry-run --quiet "$module" || problem "the kernel has no module $module; install the kernel's extra modules"
		done <"$HOST_DIR/modules.conf"
	fi
	[[ -n ${KUBEADM:-} ]] || return 0
	for controller in cpu cpuacct cpuset memory pids; do
		if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
			[[ $controller == cpuacct || " $(cat /sys/fs/cgroup/cgroup.controllers) " == *" $controller "* ]] ||
				problem "the control group controller $controller is off; see the kernel's command line"
		elif ! awk -v name="$controller" '$1 == name && $4 == 1 {found = 1} END {exit !found}' /proc/cgroups; then
			problem "the control group controller $controller is off; see the kernel's command line"
		fi
	done
	if [[ ! -e /proc/sys/net/ipv4/ip_forward ]]; then problem 'the kernel has no IPv4'; fi
}

# check_size holds what kubeadm demands, before anything is unpacked.
check_size() {
	local memory swapped free
	[[ -n ${KUBEADM:-} && ! -f $STATE/kubeadm ]] || return 0
	memory=$(($(awk '$1 == "MemTotal:" {print $2}' /proc/meminfo) / 1024))
	if [[ " $HOST_ROLES " == *' control-plane '* ]]; then
		if (($(nproc) < 2)) && ! ignored NumCPU; then problem "a control plane needs 2 cores, and this machine has $(nproc)"; fi
		if ((memory < 1700)) && ! ignored Mem; then problem "a control plane needs 1700 MiB of memory, and this machine has $memory"; fi
	elif ((memory < 700)); then
		problem "a worker needs 700 MiB of memory, and this machine has $memory"
	fi
	swapped=$(awk 'NR > 1 {used += $4} END {print used + 0}' /proc/swaps)
	free=$(awk '$1 == "MemAvailable:" {print $2}' /proc/meminfo)
	if ((swapped > free)); then problem "swap holds $((swapped / 1024)) MiB, more than the memory that is free; end something before it is switched off"; fi
}

# check_leftovers is about hosts that were never installed from a bundle.
check_leftovers() {
	local path link port
	if [[ -e $JOURNAL/log ]]; then return; fi
	if [[ -n ${KUBEADM:-} ]]; then
		for path in /etc/kubernetes/admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/manifests/*.yaml /etc/kubernetes/pki/ca.crt \
			/var/lib/etcd/member /var/lib/kubelet/config.yaml; do
			if [[ -e $path ]]; then problem "$path is there, from another cluster; run kubeadm reset, or use a host that is free"; fi
		done
		for link in cni0 flannel.1 kube-ipvs0; do
			if [[ -d /sys/class/net/$link ]]; then problem "the network interface $link is there, from another cluster: ip link delete $link"; fi
		done
	fi
	for port in $(ports); do
		if [[ -n $(ss -Hltn "sport = :$port" 2>/dev/null) ]]; then
			problem "port $port is in use: $(ss -Hltnp "sport = :$port" 2>/dev/null | awk '{print $NF; exit}'); end what listens there"
		fi
	done
}

# ports prints those that this host's parts listen at.
ports() {
	local name
	if [[ -n ${KUBEADM:-} ]]; then printf '%s\n' 10248 10249 10250 10256; fi
	if [[ " $HOST_ROLES " == *' control-plane '* ]]; then printf '%s\n' 6443 2379 2380 10257 10259; fi
	if runs 35-registry || runs 42-harbor; then printf '%s\n' "${REGISTRY_ADDRESS##*:}"; fi
	if [[ -f $HOST_DIR/haproxy.cfg ]]; then
		# Another configuration of haproxy itself is replaced.
		name=$(systemctl is-active haproxy.service 2>/dev/null || true)
		if [[ $name != active ]]; then sed -n 's/^[[:space:]]*bind .*:\([0-9]*\).*/\1/p' "$HOST_DIR/haproxy.cfg" | sort -u; fi
	fi
}

# check_reach holds that there is a way to the hosts that this one waits for.
check_reach() {
	local to
	for to in ${REGISTRY_ADDRESS%:*} ${API%:*} ${JOIN_AFTER%:*}; do
		if [[ $to =~ ^[0-9.]+$ ]] && ! ip route get "$to" >/dev/null 2>&1; then
			problem "there is no route to $to, which this host needs"
		fi
	done
}

# check_release holds that the node is not of another release: install.sh upgrades nothing.
check_release() {
	local now
	if [[ -z ${KUBEADM:-} || ! -f $STATE/kubeadm || -n ${UPGRADE:-} ]] || ! command -v kubelet >/dev/null; then return; fi
	now=$(kubelet --version 2>/dev/null || true)
	if [[ -n $now && ${now##*v} != "$KUBERNETES_VERSION" ]]; then
		problem "this node runs Kubernetes ${now##*v}, and the bundle has $KUBERNETES_VERSION; ./upgrade.sh goes from one to the other"
	fi
}

API=${API:-} JOIN_AFTER=${JOIN_AFTER:-}
check_secrets
check_encryption
check_clock
check_system
check_owner
check_names
check_writable
check_kernel
check_size
check_leftovers
check_reach
check_release
report

# clock_of HOST:PORT prints the time of a web server, in seconds since 1970.
clock_of() {
	local line
	exec 3<>"/dev/tcp/${1%:*}/${1##*:}"
	printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
	while read -r -t 3 line <&3; do
		if [[ ${line,,} == date:* ]]; then
			date -d "${line#*: }" +%s
			return
		fi
	done
	return 1
}

# The registry must be there before anything is changed here; its clock is the one
# that all nodes compare theirs with, as certificates allow minutes only. Where not all
# steps run, those that need it wait for it.
if [[ -n $REGISTRY_ADDRESS && -n ${KUBEADM:-} && $REGISTRY_ADDRESS != "$HOST_ADDRESS":* ]]; then
	if [[ -z ${PARTLY:-} ]]; then wait_for "the registry at $REGISTRY_ADDRESS" connects "$REGISTRY_ADDRESS"; fi
	if [[ -z $DRY_RUN ]] && connects "$REGISTRY_ADDRESS" 2>/dev/null && theirs=$(clock_of "$REGISTRY_ADDRESS"); then
		apart=$(($(date +%s) - theirs))
		((${apart#-} <= 240)) ||
			problem "the clock is ${apart#-} seconds apart from that of the registry host; set one of them"
	fi
	report
fi

# Whose this host is, for reset.sh, which may find it half installed.
note() {
	if [[ -f $STATE/$1 && $(cat "$STATE/$1") == "$2" ]]; then return; fi
	put_state "$STATE/$1" <<<"$2"
}
if [[ -z $DRY_RUN ]]; then
	make_home
	note cluster "$CLUSTER_NAME"
	note host "$HOST_NAME"
fi
