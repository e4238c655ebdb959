# shellcheck shell=bash
# Another key for the Secrets in etcd, in a cluster that goes on working. cluster.sh reads
# this after turn.sh. All control planes do it at once, each for itself:
#   reads   the new key is known, and the old one writes
#   writes  the new key writes, once all know it, and the old ones are known
#   alone   the new key is the only one, once all write with it and the first control plane
#           has had every Secret written again
# At no time can an API server meet what another one has written and it cannot read. They
# restart one after another. How far each is stands at its node, and in its configuration:
# what is still to be done is seen from there, so it can be interrupted anywhere and run
# again, with the key of before too, which goes back.
. "$BUNDLE/steps/keys.sh"

READS=1 WRITES=2 ALONE=3
ALL_ALONE=4 # the last control plane has seen all of them so, and the notes at the nodes go
TO=''       # the new key, as it stands there
APIS=()     # the control planes, those BEFORE this one, and the new key's forerunners
BEFORE=()
OLD_KEYS=()
NODES=''    # what nodes prints
MEMBERS=''  # the addresses of the cluster's control planes, a line for each

encryption() {
	# What nodes prints of each node.
	local MARK=satchel-encryption noted reached=''
	trap 'rm -f "$NEW"' EXIT
	check_encryption
	look_around
	if [[ -z $reached ]]; then
		say "$HOST_NAME: nothing to change: the key $(name_of "$OWN_KEY") is the only one already. Where another control plane waits for this one, run it here again"
		return
	fi
	# As it was before the first note.
	if [[ $KUBEADM == init && $noted != [0-9]-"$TO" ]]; then snapshot "$STATE/snapshots/before-$TO-$(date -u +%Y%m%dT%H%M%SZ).db"; fi
	if [[ $noted != "$reached-$TO" ]]; then note "$reached"; fi
	if ((reached < WRITES)); then wait_for 'what is noted of the others to be set back' set_others_back; fi
	if ((reached < ALONE)); then change_key; fi
	if ((${#APIS[@]} == ${#BEFORE[@]} + 1)); then
		if ((reached < ALL_ALONE)); then
			wait_for "all control planes to have the key $(name_of "$OWN_KEY") alone (run this on each)" have_reached "$ALONE" "${APIS[@]}"
			note "$ALL_ALONE"
		fi
		wait_for 'the notes at the nodes to go' clear_notes
	fi
	say "$HOST_NAME: Secrets in etcd are encrypted with the key $(name_of "$OWN_KEY") alone"
}

change_key() {
	local keys=("${KEYS[@]}")
	if ((${#APIS[@]} > 1)); then
		if ((${#KEYS[@]} == ${#OLD_KEYS[@]})); then keys+=("$OWN_KEY"); fi
		advance "$READS" "${keys[@]}"
		wait_for "all control planes to know the key $(name_of "$OWN_KEY") (run this on each)" have_reached "$READS" "${APIS[@]}"
	fi
	advance "$WRITES" "$OWN_KEY" ${OLD_KEYS[@]+"${OLD_KEYS[@]}"}
	wait_for "all control planes to write with the key $(name_of "$OWN_KEY") (run this on each)" have_reached "$WRITES" "${APIS[@]}"
	if [[ $KUBEADM == init ]]; then rewrite; fi
	advance "$ALONE"
}

# advance STAGE [KEY...] has the API server use these keys, or the bundle's file, when the
# control planes before this one do.
advance() {
	if ((reached >= $1)); then return; fi
	if ((${#BEFORE[@]})); then
		wait_for "the control planes before this one, ${BEFORE[*]} (run this on each)" have_reached "$1" "${BEFORE[@]}"
	fi
	if (($# > 1)); then
		scratch
		configuration "${@:2}" >"$NEW"
		settle "$ENCRYPTION" 600
	else
		put "$HOST_DIR/encryption.yaml" "$ENCRYPTION" 600
	fi
	restart_part kube-apiserver
	wait_for "the API server at $HOST_ADDRESS:6443" api_ready "$HOST_ADDRESS:6443"
	reached=$1
	note "$reached"
}

# check_encryption finds out what there is to do, or why it cannot be done.
check_encryption() {
	local key
	[[ -n $SECRETS ]] || die 'give --secrets FILE with the new key (satchel secrets new --from OLD --rotate encryption-key); nothing was changed'
	[[ ${SECRET[cluster]:-} == "$CLUSTER_NAME" ]] || die "the secrets are those of the cluster ${SECRET[cluster]:-without a name}, this bundle is of $CLUSTER_NAME; nothing was changed"
	encrypts || die "the API server of $HOST_NAME was made without encryption, which kubeadm does not change later; nothing was changed"
	own_key
	TO=${OWN_KEY%% *}-$(name_of "$OWN_KEY")
	read_keys "$ENCRYPTION" || die "$ENCRYPTION is not as satchel writes it; nothing was changed"
	for key in "${KEYS[@]}"; do
		if [[ $key == "$OWN_KEY" ]]; then continue; fi
		[[ ${key% *} != "${OWN_KEY% *}" ]] || die "the API server of $HOST_NAME has another key under the name $(name_of "$key") than the secrets; nothing was changed"
		OLD_KEYS+=("$key")
	done
	check_members
}

# check_members holds that the bundle and the cluster have the same control planes: one that
# nobody asks would go on writing with an old key.
check_members() {
	local api members
	read -r -a APIS <<<"$CONTROL_PLANES"
	for api in "${APIS[@]}"; do
		if [[ $api == "$HOST_ADDRESS":* ]]; then break; fi
		BEFORE+=("$api")
	done
	wait_for 'the API server to tell which control planes there are' ask_members
	members=$(awk '{print $1 ":6443"}' <<<"$MEMBERS")
	for api in "${APIS[@]}"; do
		[[ $'\n'$members$'\n' == *$'\n'"$api"$'\n'* ]] || die "the bundle has a control plane at $api, which is not in the cluster; install it first, with the secrets of before. Nothing was changed"
	done
	for api in $members; do
		[[ " $CONTROL_PLANES " == *" $api "* ]] || die "the cluster has a control plane at ${api%:*}, which is not in this bundle; use the bundle of this cluster. Nothing was changed"
	done
}

ask_members() {
	MEMBERS=$(all get nodes --selector node-role.kubernetes.io/control-plane \
		-o 'jsonpath={range .items[*]}{.status.addresses[?(@.type=="InternalIP")].address}{"\n"}{end}')
}

ask_nodes() { NODES=$(nodes); }

# noted_at ADDRESS prints what is noted of the control plane there; - is nothing.
noted_at() { awk -v address="$1" '$5 == address {print $6}' <<<"$NODES"; }

# stage_of ADDRESS prints how far the control plane there is with this key.
stage_of() {
	local noted
	noted=$(noted_at "$1")
	if [[ $noted == [0-9]-"$TO" ]]; then printf '%s' "${noted%%-*}"; else printf 0; fi
}

# have_reached STAGE HOST:PORT... is true when all those control planes say so.
have_reached() {
	local api
	ask_nodes || return 1
	for api in "${@:2}"; do
		(($(stage_of "${api%:*}") >= $1)) || return 1
	done
}

# look_around sets noted to what is noted of this host, and reached to how far it is: the note
# tells that the API server was started so, and the configuration that it is still so. Empty
# is nothing to do.
look_around() {
	local here=0
	wait_for 'the API server to tell how far the control planes are' ask_nodes
	noted=$(noted_at "$HOST_ADDRESS")
	if ((${#OLD_KEYS[@]} == 0)); then
		here=$ALL_ALONE
	elif [[ ${KEYS[0]} == "$OWN_KEY" ]]; then
		here=$WRITES
	elif ((${#KEYS[@]} > ${#OLD_KEYS[@]})); then
		here=$READS
	fi
	if ((here == ALL_ALONE)) && [[ $noted == - ]]; then
		# It had this key from its beginning, or for long. Others may have to know; and the
		# first one has Secrets written again for them.
		if ! others_wait; then return; fi
		reached=$ALONE
		if [[ $KUBEADM == init ]]; then reached=$WRITES; fi
	else
		reached=$(stage_of "$HOST_ADDRESS")
		reached=$((reached < here ? reached : here))
	fi
}

# others_wait is true while a change to this key or another one is not through.
others_wait() { awk -v through="$ALL_ALONE-$TO" '$6 != "-" {found = 1} $6 == through {over = 1} END {exit !found || over}' <<<"$NODES"; }

# set_others_back is for a control plane that does not write with the new key while others
# have it alone, as one that was installed again with secrets of before: what it has written
# meanwhile has to be written again, by the first one.
set_others_back() {
	local names=()
	ask_nodes || return 1
	mapfile -t names < <(awk -v alone="$ALONE-$TO" -v all="$ALL_ALONE-$TO" '$6 == alone || $6 == all {print $1}' <<<"$NODES")
	((${#names[@]} == 0)) || all annotate node "${names[@]}" --overwrite "$MARK=$WRITES-$TO"
}

note() { # STAGE
	wait_for 'the cluster to note how far this control plane is' all annotate node "$HOST_NAME" --overwrite "$MARK=$1-$TO"
}

# clear_notes takes what was noted from all nodes, from this one last.
clear_notes() {
	local names=()
	ask_nodes || return 1
	mapfile -t names < <(awk -v own="$HOST_NAME" '$6 != "-" && $1 != own {print $1}' <<<"$NODES")
	all annotate node ${names[@]+"${names[@]}"} "$HOST_NAME" "$MARK-"
}

# rewrite has the API server write every Secret again that is there now, which it does with
# the key that writes, and for no other reason. What somebody else changes meanwhile, it
# has written so already: a conflict is tried again, and one that is gone is let go.
rewrite() {
	local -A first=() written=()
	local lines=() left=() line said='' count=-1 begin=$SECONDS
	while true; do
		scratch
		wait_for 'the API server to list the Secrets' list_secrets
		mapfile -t lines < <(awk '{print $1 "/" $2}' "$NEW" | sort)
		if ((count < 0)); then for line in ${lines[@]+"${lines[@]}"}; do first[$line]=1; done; fi
		left=()
		for line in ${lines[@]+"${lines[@]}"}; do
			if [[ -n ${first[$line]:-} && -z ${written[$line]:-} ]]; then left+=("$line"); fi
		done
		if ((${#left[@]} == 0)); then break; fi
		if ((${#left[@]} != count)); then
			count=${#left[@]}
			begin=$SECONDS
		elif ((SECONDS - begin >= ${SATCHEL_WAIT:-900})); then
			die "the API server does not write these Secrets again: ${left[*]:0:10}; see to it, as kubectl annotate secret fails too, and run this again. One that no API server can read needs the key that it has: go back to that first. $said"
		else
			sleep 1
		fi
		: >"$NEW"
		write_again "${left[@]}"
		said=$(sort -u "$NEW" | head -n 3)
		say "${#written[@]} of ${#first[@]} Secrets are written with the key $(name_of "$OWN_KEY")"
	done
	rm -f "$NEW"
}

# list_secrets has no more than their names come here.
list_secrets() { all --request-timeout=60s get secrets --all-namespaces --no-headers >"$NEW"; }

# write_again NAMESPACE/NAME... does it a few at a time, those of a namespace together. With
# more than ten kubectl holds itself back, to five requests a second.
write_again() {
	local one namespace='' names=()
	for one in "$@" ''; do
		if [[ ${one%/*} != "$namespace" ]] || ((${#names[@]} == 10)); then
			if ((${#names[@]})); then write_some "$namespace" "${names[@]}"; fi
			namespace=${one%/*}
			names=()
		fi
		names+=("${one#*/}")
	done
}

# write_some NAMESPACE NAME... notes in written what the API server has taken. Each Secret
# comes with its version, and is not taken when it has changed since. Why one is not given
# is kept in NEW; why one is not taken may have its value, and is not.
write_some() {
	local taken line
	taken=$(all --request-timeout=60s get secrets --namespace "$1" --ignore-not-found -o json "${@:2}" 2>>"$NEW" |
		all --request-timeout=60s replace --validate=false --filename - -o 'jsonpath={.metadata.namespace}/{.metadata.name}{"\n"}' 2>/dev/null) || true
	for line in $taken; do written[$line]=1; done
}
