#!/bin/bash
# 2.2.2: CoreDNS asks a server that is not there.
. "$BUNDLE/lessons/lib.sh"

corefile() { kubectl -n kube-system get configmap coredns -o 'jsonpath={.data.Corefile}'; }
# set_corefile takes the text from standard input; an x guards its last newline.
set_corefile() {
	local text
	text=$(cat && printf x)
	printf '{"data":{"Corefile":%s}}\n' "$(json "${text%x}")" | note patch
	kubectl -n kube-system patch configmap coredns --type merge --patch-file "$RECORD/patch" >/dev/null
}

story() { say 'A colleague says: names of services resolve in pods, names outside the cluster do not any more (wait a minute, CoreDNS reads its configuration now and then).'; }
prepare() {
	corefile | note corefile
	grep -q '^ *forward [.] ' "$RECORD/corefile" && date +%s | note ready
}
# 192.0.2.0/24 belongs to nobody (RFC 5737).
spoil() { sed 's/^\( *forward [.]\) [^{]*/\1 192.0.2.53 /' "$RECORD/corefile" | set_corefile; }
# targets prints whom a Corefile asks about other names.
targets() { awk '$1 == "forward" && $2 == "." {sub("[{].*", ""); $1 = $1; print}'; }
mended() { [[ $(corefile | targets) == "$(noted corefile | targets)" ]]; }
undo() { if [[ $(corefile) != "$(noted corefile)" ]]; then set_corefile <"$RECORD/corefile"; fi; }

lesson "$@"
