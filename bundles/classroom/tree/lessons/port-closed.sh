#!/bin/bash
# 2.1.3: a firewall on a node drops what it should let in.
. "$BUNDLE/lessons/lib.sh"

# Both ways to say it are there, as not every system has both programs.
closed() {
	if command -v nft >/dev/null; then
		[[ $(nft list table inet satchel_lesson 2>/dev/null) == *drop* ]]
	elif command -v iptables >/dev/null; then
		iptables -C INPUT -p tcp --dport 10250 -m comment --comment satchel-lesson -j DROP 2>/dev/null
	fi
}

story() { say 'A colleague says: kubectl logs and kubectl exec hang for every pod on %s; the node is Ready, and its pods work.' "$HOST_NAME"; }
prepare() { ! closed && date +%s | note ready; }
spoil() {
	if command -v nft >/dev/null; then
		nft -f - <<'RULES'
table inet satchel_lesson {
	chain input {
		type filter hook input priority -10; policy accept;
		iif != "lo" tcp dport 10250 drop
	}
}
RULES
	elif command -v iptables >/dev/null; then
		iptables -I INPUT -p tcp --dport 10250 -m comment --comment satchel-lesson -j DROP
	else
		return 1
	fi
}
mended() { ! closed; }
undo() {
	if command -v nft >/dev/null; then
		if nft list table inet satchel_lesson >/dev/null 2>&1; then nft delete table inet satchel_lesson; fi
	elif closed; then
		iptables -D INPUT -p tcp --dport 10250 -m comment --comment satchel-lesson -j DROP
	fi
}

lesson "$@"
