#!/bin/bash
# Everything that can be known to be wrong before the first change, all of it at once.
. "$BUNDLE/steps/lib.sh"

problems=()

# The secrets: those of this cluster, complete for this host, made before now.
wanted=$({ grep -rhoE '@secret:[a-z0-9-]+@' "$HOST_DIR" || true; } | sort -u)
for mark in $wanted; do
	name=${mark#@secret:}
	name=${name%@}
	[[ -n ${SECRET[$name]:-} ]] || problems+=("the secret $name is missing; give --secrets FILE with this host's secrets (satchel secrets split)")
done
if [[ -n ${SECRET[cluster]:-} && ${SECRET[cluster]} != "$CLUSTER_NAME" ]]; then
	problems+=("the secrets are those of the cluster ${SECRET[cluster]}, this bundle is of $CLUSTER_NAME")
fi
if [[ -n ${SECRET[created]:-} ]] && (($(date +%s) < SECRET[created] - 300)); then
	problems+=("the clock says $(date -u +%FT%TZ), which is before the secrets were made ($(date -u -d "@${SECRET[created]}" +%FT%TZ)); set it")
fi

# The machine.
if [[ -f /var/lib/satchel/cluster && $(cat /var/lib/satchel/cluster) != "$CLUSTER_NAME" ]]; then
	problems+=("this host belongs to the cluster $(cat /var/lib/satchel/cluster); use a host that is free")
fi
own=" $(ip -o -4 addr show 2>/dev/null || hostname -I) "
if [[ ! $own =~ [[:space:]]${HOST_ADDRESS//./\\.}[/[:space:]] ]]; then
	problems+=("no network interface has the address $HOST_ADDRESS of $HOST_NAME")
fi
for need in $HOST_NEEDS; do
	command -v "${need%%:*}" >/dev/null || [[ " ${PACKAGES:-} " == *" ${need#*:} "* ]] ||
		problems+=("${need%%:*} is not installed; install the operating system's package ${need#*:} first")
done
# Only names of packages depend on the family; the steps look at what is there.
os=$(. /etc/os-release && printf '%s' " ${ID:-} ${ID_LIKE:-} ")
case $OS_FAMILY:$os in
debian:*' debian '* | debian:*' ubuntu '* | rhel:*' rhel '* | rhel:*' centos '* | rhel:*' fedora '* | rhel:*' openEuler '*) ;;
*) printf 'note: the spec says os.family %s, and this is%s\n' "$OS_FAMILY" "$os" ;;
esac
[[ -d /run/systemd/system ]] || problems+=("systemd does not run here")

report() {
	((${#problems[@]} == 0)) && return
	printf '%s\n' "nothing was changed, because on $HOST_NAME:" >&2
	printf '  - %s\n' "${problems[@]}" >&2
	exit 1
}
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
# that all nodes compare theirs with, as certificates allow minutes only.
if [[ -n $REGISTRY_ADDRESS && -n ${KUBEADM:-} && $REGISTRY_ADDRESS != "$HOST_ADDRESS":* ]]; then
	wait_for "the registry at $REGISTRY_ADDRESS" connects "$REGISTRY_ADDRESS"
	if [[ -z $DRY_RUN ]] && theirs=$(clock_of "$REGISTRY_ADDRESS"); then
		apart=$(($(date +%s) - theirs))
		((${apart#-} <= 240)) ||
			problems+=("the clock is ${apart#-} seconds apart from that of the registry host; set one of them")
	fi
	report
fi

if [[ -z $DRY_RUN && ! -f /var/lib/satchel/cluster ]]; then
	mkdir -p /var/lib/satchel
	printf '%s\n' "$CLUSTER_NAME" >/var/lib/satchel/cluster
fi
