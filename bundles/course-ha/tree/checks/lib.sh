# shellcheck shell=bash
# What check.sh, lesson.sh and the checks share. It only looks. BUNDLE is the directory
# of the bundle. Needs bash 4.2 and coreutils.
set -euo pipefail
# shellcheck source=/dev/null
. "$BUNDLE/guide/facts.env"
if [[ -n ${HOST_NAME:-} ]]; then
	# shellcheck source=/dev/null
	. "$BUNDLE/hosts/$HOST_NAME/host.env"
fi
export KUBECONFIG=${KUBECONFIG:-/etc/kubernetes/admin.conf}

# What is said in another language than English, by the English text.
declare -A SAYS=()
if [[ ${SATCHEL_LANGUAGE:-$GUIDE_LANGUAGE} == zh ]]; then
	# shellcheck source=checks/zh.sh
	. "$BUNDLE/checks/zh.sh"
fi

# tell TEXT [ARGUMENT...] prints the text in the reader's language, each %s replaced by
# one argument.
tell() {
	local text=${SAYS[$1]-$1} said=''
	shift
	while (($#)); do
		said+=${text%%'%s'*}$1
		text=${text#*'%s'}
		shift
	done
	printf '%s' "$said$text"
}

# One result a line: what it is, a tab, a text for people, written as for tell.
ok() { printf 'ok\t%s\n' "$(tell "$@")"; }
wrong() { printf 'FAIL\t%s\n' "$(tell "$@")"; }
skip() { printf 'skip\t%s\n' "$(tell "$@")"; }

# say and die are for lesson.sh.
say() { printf '%s\n' "$(tell "$@")"; }
die() { printf 'lesson.sh: %s\n' "$(tell "$@")" >&2; exit 1; }

# recognise [NAME] sets HOST_NAME, the name of this machine in the bundle.
recognise() {
	local own name
	HOST_NAME=${1:-}
	if [[ -z $HOST_NAME ]]; then
		name=$(uname -n)
		name=${name%%.*}
		HOST_NAME=${name,,}
	fi
	if [[ -z ${1:-} && ! -f $BUNDLE/hosts/$HOST_NAME/host.env ]]; then
		own=" $(ip -o -4 addr show | awk '{sub("/.*", "", $4); print $4}' | tr '\n' ' ') "
		for name in $HOSTS; do
			if [[ $own == *" ${name#*=} "* ]]; then HOST_NAME=${name%%=*}; fi
		done
	fi
	[[ $HOST_NAME != */* && -f $BUNDLE/hosts/$HOST_NAME/host.env ]] || {
		printf '%s\n' "$(tell 'this machine, %s, is none of the hosts %s; say which one it is with --host NAME' "$HOST_NAME" "$(names "$HOSTS")")" >&2
		exit 2
	}
}

# names LIST prints the names of a list of NAME=VALUE.
names() {
	local pair all=()
	for pair in $1; do all+=("${pair%%=*}"); done
	printf '%s' "${all[*]-}"
}

# either NAME... prints the names with a word between them.
either() {
	local name said=''
	for name; do said+=${said:+$(tell ' or ')}$name; done
	printf '%s' "$said"
}

# is_in NAME LIST is true when a list of NAME=VALUE has the name.
is_in() { [[ " $(names "$2") " == *" $1 "* ]]; }

# only_on LIST is true on a host of the list; on others it says where to go.
only_on() {
	if is_in "$HOST_NAME" "$1"; then return 0; fi
	local -a places
	read -r -a places <<<"$(names "$1")"
	skip 'run this on %s' "$(either "${places[@]}")"
	return 1
}

# on_control_plane is true where kubectl can ask the cluster.
on_control_plane() {
	only_on "$PLANES" || return 1
	if [[ ! -r $KUBECONFIG ]]; then
		wrong '%s cannot be read: install.sh has not finished here, or this is not run as root' "$KUBECONFIG"
		return 1
	fi
	if ! ask get --raw /readyz >/dev/null; then
		wrong 'the Kubernetes API at %s does not answer' "$API"
		return 1
	fi
}

# ask ARGUMENT... is kubectl that gives up.
ask() { kubectl --request-timeout=10s "$@" 2>/dev/null </dev/null; }

# listens ADDRESS PORT is true when something takes connections there.
listens() { timeout 3 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; }

# http ADDRESS PORT PATH prints the first line of the answer and the body's first line; it
# fails without an answer.
http() (
	listens "$1" "$2" || exit 1
	exec 3<>"/dev/tcp/$1/$2"
	printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$3" "$1" >&3
	# A load balancer without a server behind it takes a connection and says nothing.
	IFS= read -r -t 5 status <&3 || [[ -n $status ]] || exit 1
	while IFS= read -r -t 5 line <&3 && [[ -n ${line%$'\r'} ]]; do :; done
	IFS= read -r -t 5 body <&3 || true
	printf '%s %s\n' "${status%$'\r'}" "${body:-}"
) 2>/dev/null

# json TEXT prints it as a JSON string.
json() {
	local text=$1
	text=${text//\\/\\\\}
	text=${text//\"/\\\"}
	text=${text//$'\n'/\\n}
	text=${text//$'\t'/\\t}
	text=${text//$'\r'/\\r}
	printf '"%s"' "$text"
}

# dns_ask QUESTION sends a question with its length, written in escapes, to the cluster's
# DNS, and prints the bytes of the answer as numbers.
dns_ask() (
	listens "$DNS_ADDRESS" 53 || exit 1
	exec 3<>"/dev/tcp/$DNS_ADDRESS/53"
	printf '%b' "$1" >&3
	read -r high low < <(timeout 5 dd bs=1 count=2 <&3 | od -An -tu1 -v)
	timeout 5 dd bs=1 count=$((high * 256 + low)) <&3 | od -An -tu1 -v
) 2>/dev/null

# dns_lookup NAME prints the IPv4 addresses that the cluster's DNS has for a full name,
# sorted. It speaks the protocol itself (RFC 1035): a host need not have a program for it.
dns_lookup() {
	local label question='' bytes i n kind length end address
	for label in ${1//./ }; do question+=$(printf '\\x%02x%s' "${#label}" "$label"); done
	question="\\x53\\x01\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00$question\\x00\\x00\\x01\\x00\\x01"
	length=$(printf '%b' "$question" | wc -c)
	question=$(printf '\\x%02x\\x%02x' $((length / 256)) $((length % 256)))$question
	bytes=$(dns_ask "$question") || return 1
	local -a b
	read -r -d '' -a b <<<"$bytes" || true
	((${#b[@]} > 12 && (b[3] & 15) == 0)) || return 1
	n=$((b[6] * 256 + b[7])) i=12
	while ((b[i] != 0)); do i=$((i + b[i] + 1)); done
	i=$((i + 5))
	while ((n-- > 0)); do
		while ((b[i] != 0 && b[i] < 192)); do i=$((i + b[i] + 1)); done
		if ((b[i] >= 192)); then i=$((i + 2)); else i=$((i + 1)); fi
		kind=$((b[i] * 256 + b[i + 1])) length=$((b[i + 8] * 256 + b[i + 9])) end=$((i + 10))
		if ((kind == 1 && length == 4)); then
			address=${b[end]}.${b[end + 1]}.${b[end + 2]}.${b[end + 3]}
			printf '%s\n' "$address"
		fi
		i=$((end + length))
	done | sort
}
