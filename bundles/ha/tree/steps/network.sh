# shellcheck shell=bash
# What containers leave in the kernel's network: links, routes, and rules of iptables,
# nftables and IPVS. Steps that bring containers note what was there before, and their
# undo takes away what came since and has the names that these programs give.

# network_now prints it, as lines of link, table and policy.
network_now() {
	[[ -z $DRY_RUN ]] || return 0
	ip -o link show | awk '{sub("[:@].*", "", $2); print "link", $2}'
	if command -v nft >/dev/null; then nft list tables 2>/dev/null || true; fi
	if command -v iptables >/dev/null; then
		iptables -S 2>/dev/null | awk '$1 == "-P" {print "policy", $2, $3}' || true
	fi
}

# undo_network FORMER takes away what is not in the file FORMER.
undo_network() {
	undo_links "$1"
	undo_rules
	# That makes the table of nftables where there is none, so it comes before the tables.
	if command -v iptables >/dev/null; then
		while read -r kind chain policy; do
			if [[ $kind == policy ]]; then iptables -P "$chain" "$policy" 2>/dev/null || true; fi
		done <"$1"
	fi
	undo_tables "$1"
}

undo_links() {
	local link
	for link in $(ip -o link show | awk '{sub("[:@].*", "", $2); print $2}'); do
		case $link in
		cni0 | flannel.* | flannel-v6.* | kube-ipvs0 | docker0 | br-???????????? | veth*)
			grep -qx "link $link" "$1" || ip link delete "$link" 2>/dev/null || true
			;;
		esac
	done
	if [[ -n ${PODS_V4:-} ]]; then ip -4 route flush root "$PODS_V4" 2>/dev/null || true; fi
	if [[ -n ${PODS_V6:-} ]]; then ip -6 route flush root "$PODS_V6" 2>/dev/null || true; fi
}

# undo_rules takes chains of containers, and what leads to them, out of the rules of
# iptables; all others stay, with their counters.
undo_rules() {
	local rules
	if command -v iptables-save >/dev/null && command -v iptables-restore >/dev/null; then
		rules=$(iptables-save --counters 2>/dev/null || true)
		if [[ $rules =~ (KUBE|CNI|FLANNEL|DOCKER) ]]; then others_rules <<<"$rules" | iptables-restore --counters; fi
	fi
	if command -v ip6tables-save >/dev/null && command -v ip6tables-restore >/dev/null; then
		rules=$(ip6tables-save --counters 2>/dev/null || true)
		if [[ $rules =~ (KUBE|CNI|FLANNEL|DOCKER) ]]; then others_rules <<<"$rules" | ip6tables-restore --counters; fi
	fi
	if command -v ipvsadm >/dev/null && [[ -e /proc/net/ip_vs ]]; then ipvsadm --clear; fi
}

others_rules() {
	awk '/^:(KUBE|CNI|FLANNEL|DOCKER)/ {next}
		/ -A (KUBE|CNI|FLANNEL|DOCKER)/ {next}
		/ -[jg] (KUBE|CNI|FLANNEL|DOCKER)/ {next}
		/ -[io] (docker0|cni0|br-[0-9a-f]*|kube-ipvs0|flannel[.-][v0-9.]*) / {next}
		{print}'
}

# undo_tables removes the tables of nftables that were not there before and have no rule
# but of containers; those of iptables have chains without a rule after undo_rules.
undo_tables() {
	local _ family name
	command -v nft >/dev/null || return 0
	nft list tables 2>/dev/null | while read -r _ family name; do
		if grep -qx "table $family $name" "$1"; then continue; fi
		case $name in
		kube-proxy | flannel-ipv4 | flannel-ipv6 | cni_hostport | cni_plugins_masquerade) nft delete table "$family" "$name" ;;
		filter | nat | mangle | raw)
			if ! nft list table "$family" "$name" | awk '!/^table/ && !/type .* hook/ && !/^[ \t]*chain / && !/^[ \t]*}/ && NF {rules++} END {exit !rules}' ||
				! command -v iptables >/dev/null; then
				nft delete table "$family" "$name"
			fi
			;;
		esac
	done
}
