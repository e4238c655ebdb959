# shellcheck shell=bash
# etcd of this control plane, brought back from a snapshot. Every control plane does it by
# itself, from the same snapshot: together they are a new cluster of etcd with the old
# names and addresses. It has an identity of its own, so a member that was not restored
# yet is refused by the others and cannot mix its data in.
# What is still to be done is seen from what is there, so it can be interrupted anywhere
# and run again.
. "$BUNDLE/steps/turn.sh"
. "$BUNDLE/steps/keys.sh"

DATA=/var/lib/etcd
HELD=/etc/kubernetes/satchel-held # the static pods that are stopped meanwhile
RESTORING=$STATE/restoring        # CHECKSUM TOKEN TIME of a restore that is not through
RESTORED=$STATE/restored          # the tokens of those that are
PARTS=(kube-apiserver kube-controller-manager kube-scheduler etcd)

restore() { # SNAPSHOT
	local sum token='' when='' count=0
	check_restore "$1"
	sum=$(checksum "$1")
	if [[ -e $RESTORING ]] && ! read_restoring; then
		[[ ! -d $HELD ]] || die "$RESTORING does not say which restore was cut off here, and the control plane is stopped: write the line of another control plane's into it, or remove it on all of them, and run this again"
		printf 'note: a restore that was cut off before it changed anything is begun anew\n'
		rm -f "$RESTORING"
		token='' when=''
	fi
	if [[ -n $token ]]; then
		[[ $token == *"${sum:0:16}"* ]] || die "a restore of another snapshot was cut off here; run it again with that one first"
	else
		# Each restore is yet another cluster, and the same one everywhere: members that
		# count differently refuse each other.
		if [[ -f $RESTORED ]]; then count=$(grep -c . "$RESTORED" || true); fi
		token=restored-${sum:0:16}-$count
		when=$(date -u +%Y%m%dT%H%M%SZ)
		make_data "$1" "$token" $((count + 1))
		put_state "$RESTORING" <<<"$sum $token $when"
	fi
	stop_parts
	swap_data "$DATA/member-before-$when"
	start_parts
	wait_for 'etcd to have a majority and the API server to be ready; all control planes have to restore the same snapshot, and to have as many lines in /var/lib/satchel/restored' api_ready "$HOST_ADDRESS:6443"
	if ! grep -qsxF "$token" "$RESTORED"; then
		{
			if [[ -f $RESTORED ]]; then cat "$RESTORED"; fi
			printf '%s\n' "$token"
		} | put_state "$RESTORED"
	fi
	wait_for 'the cluster to take note of the restore' tell_restores
	rm -f "$RESTORING"
	printf '%s\n' "$HOST_NAME: etcd is as in $1; what it had before is in $DATA/member-before-$when"
}

# read_restoring sets token and when from what an earlier run noted. Before the note was made
# whole or not at all, a disk that was full left an empty one, and nothing else was changed.
read_restoring() {
	read -r _ token when <"$RESTORING" || true
	[[ $token == restored-* && $when =~ ^[0-9]{8}T[0-9]{6}Z$ ]]
}

# tell_restores has the cluster keep the tokens for control planes that join later.
tell_restores() {
	all create configmap satchel-restored --namespace kube-system --from-file=tokens="$RESTORED" --dry-run=client -o yaml |
		all apply --filename - >/dev/null
}

check_restore() { # SNAPSHOT
	local own
	[[ -s $1 ]] || die "there is no snapshot $1; nothing was changed"
	[[ -f $(manifest_of etcd) ]] || die "$HOST_NAME has no etcd of its own; nothing was changed"
	own=$(flag_of name)=$(flag_of initial-advertise-peer-urls)
	[[ ",$ETCD_MEMBERS," == *",$own,"* ]] ||
		die "etcd of $HOST_NAME is $own here, and the bundle has $ETCD_MEMBERS; use the bundle of this cluster. Nothing was changed"
	check_snapshot "$1"
}

# manifest_of PART is where its static pod is now.
manifest_of() {
	if [[ -f $HELD/$1.yaml ]]; then printf '%s' "$HELD/$1.yaml"; else printf '%s' "/etc/kubernetes/manifests/$1.yaml"; fi
}

flag_of() { sed -n "s/^ *- --$1=//p" "$(manifest_of etcd)"; }

# make_data SNAPSHOT TOKEN TIMES makes the new data beside the old ones. Nothing else is
# changed before they are whole. The checksum that the snapshot ends with is looked at.
make_data() {
	local tool=etcdutl more=()
	# Images of etcd before 3.5.13 have only etcdctl, which does the same there.
	offline "$1" etcdutl version >/dev/null 2>&1 || tool=etcdctl
	if [[ $(offline "$1" "$tool" snapshot restore --help 2>&1) == *--bump-revision* ]]; then
		# Whoever watches asks anew, as no revision from before the restore is left. Each
		# restore goes further than all before it: a revision that comes a second time is
		# one for which a kubelet waits as for one to come.
		more=(--bump-revision "$((1000000000 * $3))" --mark-compacted)
	else
		printf 'note: this etcd cannot say that its revisions went back; start the kubelet again on all nodes afterwards, and the pods in kube-system\n'
	fi
	rm -rf "$DATA/satchel-restored"
	offline "$1" "$tool" snapshot restore /snapshot.db --data-dir "$DATA/satchel-restored" --name "$(flag_of name)" \
		--initial-cluster "$ETCD_MEMBERS" --initial-cluster-token "$2" --initial-advertise-peer-urls "$(flag_of initial-advertise-peer-urls)" \
		${more[@]+"${more[@]}"} || die "$1 cannot be restored; nothing was changed"
}

# offline SNAPSHOT PROGRAM ARGUMENT... runs a program of etcd's image, without a network.
offline() {
	local file image
	file=$(readlink -f "$1")
	image=$(sed -n 's/^ *image: //p' "$(manifest_of etcd)")
	shift
	if [[ $CRI_SOCKET == *containerd* ]]; then
		ctr --namespace k8s.io tasks delete --force satchel-restore >/dev/null 2>&1 || true
		ctr --namespace k8s.io containers delete satchel-restore >/dev/null 2>&1 || true
		ctr --namespace k8s.io run --rm --mount "type=bind,src=$file,dst=/snapshot.db,options=rbind:ro" \
			--mount "type=bind,src=$DATA,dst=$DATA,options=rbind:rw" "$image" satchel-restore "$@"
	elif [[ $CRI_SOCKET == *docker* ]]; then
		docker rm --force satchel-restore >/dev/null 2>&1 || true
		docker run --rm --name satchel-restore --network none --volume "$file:/snapshot.db:ro" --volume "$DATA:$DATA" \
			--entrypoint "$1" "$image" "${@:2}"
	fi
}

stop_parts() {
	local part
	mkdir -p "$HELD"
	for part in "${PARTS[@]}"; do
		if [[ -f /etc/kubernetes/manifests/$part.yaml ]]; then mv "/etc/kubernetes/manifests/$part.yaml" "$HELD/"; fi
	done
	systemctl start kubelet.service
	wait_for 'the control plane to stop' parts_stopped
}

parts_stopped() {
	local part running
	for part in "${PARTS[@]}"; do
		running=$(crictl ps --quiet --name "^$part\$") && [[ -z $running ]] || return 1
	done
}

# swap_data ASIDE puts the new data in the place of the old ones, which are kept.
swap_data() {
	if [[ -d $DATA/satchel-restored/member ]]; then
		if [[ -d $DATA/member ]]; then mv "$DATA/member" "$1"; fi
		mv "$DATA/satchel-restored/member" "$DATA/member"
	fi
	rm -rf "$DATA/satchel-restored"
	on_disk "$DATA"
}

start_parts() {
	local part
	for part in "${PARTS[@]}"; do
		if [[ -f $HELD/$part.yaml ]]; then mv "$HELD/$part.yaml" /etc/kubernetes/manifests/; fi
	done
	rmdir "$HELD"
	systemctl restart kubelet.service
}
