# shellcheck shell=bash
# The upgrade of one node, and whose turn it is. Control planes look at each other's
# nodes. Workers may not: a kubelet sees its own node alone, so a worker asks for its turn
# by an annotation there, and the first control plane gives it. A worker needs no rights
# but those of its kubelet.
. "$BUNDLE/steps/lib.sh"
. "$BUNDLE/steps/parts.sh"

KUBELET=/etc/kubernetes/kubelet.conf
ADMIN=/etc/kubernetes/admin.conf
MARK=satchel-upgrade
cordoned=$STATE/cordoned
UPGRADE_MARK=$STATE/upgrade # "begun RELEASE" or "done RELEASE", of what kubeadm does to a control plane
RELEASE='' UNSCHEDULABLE='' PODS='' # what ask_node and ask_pods were told
CACHE=()
# A dry run leaves nothing, not even what kubectl keeps of the API.
if [[ -n $DRY_RUN ]]; then CACHE=(--cache-dir=/run/satchel.kubectl); fi
trap 'status=$?; rm -f "$NEW" "$CHANGE_LIST"; rm -rf /run/satchel.kubectl; if ((status == 0)); then passed; fi' EXIT

runs() { [[ " $HOST_STEPS " == *" $1.sh "* ]]; }

# own ARGUMENT... is kubectl with the kubelet's rights, all with those of an administrator.
own() { kubectl --kubeconfig="$KUBELET" ${CACHE[@]+"${CACHE[@]}"} --request-timeout=10s "$@"; }
all() { kubectl --kubeconfig="$ADMIN" ${CACHE[@]+"${CACHE[@]}"} --request-timeout=10s "$@"; }

node_release() {
	local release
	release=$(own get node "$HOST_NAME" -o 'jsonpath={.status.nodeInfo.kubeletVersion}') || return
	printf '%s' "${release#v}"
}

# ask_node sets RELEASE and UNSCHEDULABLE. What is not answered is no answer: it is tried
# again with wait_for.
ask_node() {
	RELEASE=$(node_release) && [[ -n $RELEASE ]] && UNSCHEDULABLE=$(own get node "$HOST_NAME" -o 'jsonpath={.spec.unschedulable}')
}

# at_release is true when the node is ready with the new kubelet.
at_release() {
	[[ $(node_release) == "$KUBERNETES_VERSION" ]] &&
		[[ $(own get node "$HOST_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]
}

# api_release HOST:PORT prints the release of an API server, which anybody may ask.
api_release() {
	kubectl --kubeconfig=/dev/null --username=anonymous --password=none --server="https://$1" \
		--insecure-skip-tls-verify --request-timeout=5s get --raw /version </dev/null | sed -n 's/.*"gitVersion": *"v\([^"]*\)".*/\1/p'
}

apis_at_release() {
	local api
	for api in $CONTROL_PLANES; do
		[[ $(api_release "$api") == "$KUBERNETES_VERSION" ]] || return 1
	done
}

# check_way holds that the releases of this node and of the API servers lead to the
# bundle's: another patch, or the next minor release.
check_way() {
	local from api
	if [[ -n $DRY_RUN ]]; then
		ask_node || die "the API server at $API does not answer $HOST_NAME, so what an upgrade would do cannot be told; see to it first"
	else
		wait_for "the API server at $API" api_ready "$API"
		wait_for "the API server at $API to tell of this node" ask_node
	fi
	check_one "this node" "$RELEASE"
	for api in $CONTROL_PLANES; do
		from=$(api_release "$api" 2>/dev/null || true)
		if [[ -n $from ]]; then check_one "the API server at $api" "$from"; fi
	done
}

check_one() { # WHAT RELEASE
	local from to
	IFS=. read -r -a from <<<"${2%%[-+]*}"
	IFS=. read -r -a to <<<"$KUBERNETES_VERSION"
	if ((to[0] != from[0] || to[1] < from[1] || to[1] == from[1] && to[2] < from[2])); then
		die "$1 has Kubernetes $2, and the bundle has $KUBERNETES_VERSION, which is older: kubeadm does not go back. Nothing was changed"
	fi
	if ((to[1] > from[1] + 1)); then
		die "$1 has Kubernetes $2, and the bundle has $KUBERNETES_VERSION: that skips a minor release. Go to ${from[0]}.$((from[1] + 1)) first. Nothing was changed"
	fi
}

# wait_turn waits for it. A node that has had its turn and was interrupted goes on.
wait_turn() {
	if at_release && [[ ! -f $cordoned ]] && { [[ " $HOST_ROLES " != *' control-plane '* ]] || control_plane_done; }; then return; fi
	if [[ " $HOST_ROLES " != *' control-plane '* ]]; then
		wait_for "the control planes to run Kubernetes $KUBERNETES_VERSION" apis_at_release
		called || wait_for "the cluster to note that this worker asks for its turn" own annotate node "$HOST_NAME" --overwrite "$MARK=asks-$KUBERNETES_VERSION"
		wait_for "the first control plane to call this worker" called
	elif [[ -n $JOIN_AFTER ]]; then
		wait_for "the control plane at $JOIN_AFTER, which comes before this one" before_done
	fi
}

mark() { own get node "$HOST_NAME" -o "jsonpath={.metadata.annotations.$MARK}"; }

# progress is that of the control planes, and of the nodes that are called before this one.
progress() {
	local api
	for api in $CONTROL_PLANES; do printf '%s ' "$(api_release "$api")"; done
	own get node "$HOST_NAME" -o "jsonpath={.metadata.annotations.$MARK-moved}"
}

called() { [[ $(mark) == "turn-$KUBERNETES_VERSION" ]]; }

# before_done is true when the control plane before this one is through.
before_done() {
	local line
	[[ $(api_release "$JOIN_AFTER") == "$KUBERNETES_VERSION" ]] || return 1
	line=$(nodes | awk -v address="${JOIN_AFTER%:*}" '$5 == address')
	[[ $line == *" v$KUBERNETES_VERSION True - "* ]] && parts_done "${line%% *}"
}

# parts_done NODE is true when the pods of a control plane have what kubeadm brings. Two
# members of etcd that are replaced at once are more than a cluster of three can be without.
parts_done() {
	local images etcd part
	etcd=$(cluster_configuration | named_tag etcd) || return 1
	images=$(all --namespace kube-system get pods "etcd-$1" "kube-apiserver-$1" "kube-controller-manager-$1" "kube-scheduler-$1" \
		-o 'jsonpath={range .items[*]}{.spec.containers[*].image} {end}') || return 1
	for part in "etcd:$etcd" {kube-apiserver,kube-controller-manager,kube-scheduler}":v$KUBERNETES_VERSION"; do
		[[ " $images " == *"/$part "* ]] || return 1
	done
}

# nodes prints a line for each: NAME RELEASE READY UNSCHEDULABLE ADDRESS MARK; - is nothing.
nodes() {
	all get nodes -o 'jsonpath={range .items[*]}{.metadata.name}|{.status.nodeInfo.kubeletVersion}|{.status.conditions[?(@.type=="Ready")].status}|{.spec.unschedulable}|{.status.addresses[?(@.type=="InternalIP")].address}|{.metadata.annotations.'"$MARK"'}{"\n"}{end}' |
		awk -F'|' '{split($5, address, " "); $5 = address[1]; for (i = 1; i <= 6; i++) if ($i == "") $i = "-"; print $1, $2, $3, $4, $5, $6}'
}

end_turn() {
	if [[ " $HOST_ROLES " != *' control-plane '* ]]; then
		wait_for "the cluster to note that this worker has had its turn" own annotate node "$HOST_NAME" "$MARK-" "$MARK-moved-"
	fi
}

# new_kubeadm STEP... installs the one that does the upgrade. The other packages of
# Kubernetes follow when the control plane is through, with the steps.
new_kubeadm() {
	local step
	if [[ -n ${KUBERNETES_PACKAGES:-} ]]; then
		for step in "$@"; do
			if [[ $step == 07-* ]]; then bash "$BUNDLE/steps/$step" move kubeadm; fi
		done
		return
	fi
	put_binary "$BUNDLE/files/$HOST_ARCH/kubeadm" /usr/local/bin/kubeadm
}

# control_plane_done is true when kubeadm has come to its end here. The API server is the
# first that it replaces: its release says nothing of the rest.
control_plane_done() {
	local mark='' part configuration
	if [[ -f $UPGRADE_MARK ]]; then mark=$(cat "$UPGRADE_MARK"); fi
	[[ $mark != "begun $KUBERNETES_VERSION" ]] || return 1
	for part in kube-apiserver kube-controller-manager kube-scheduler; do
		[[ $(part_tag "$part") == "v$KUBERNETES_VERSION" ]] || return 1
	done
	configuration=$(cluster_configuration) || return 1
	if [[ $KUBEADM == init && $(with_own_version <<<"$configuration") != "$configuration" ]]; then return 1; fi
	if [[ $mark == "done $KUBERNETES_VERSION" ]]; then return; fi
	# It was made so, or by a script that noted nothing. kube-proxy is what kubeadm does last.
	[[ $(part_tag etcd) == "$(named_tag etcd <<<"$configuration")" &&
		$(all --namespace kube-system get daemonset kube-proxy -o 'jsonpath={.spec.template.spec.containers[0].image}') == *":v$KUBERNETES_VERSION" ]]
}

cluster_configuration() { all --namespace kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}'; }

# with_own_images prints the input, the cluster's configuration, with the images of the
# bundle: kubeadm goes on with the repository, the etcd and the CoreDNS that are named there,
# and the bundle has only its own. with_own_version has the release too.
with_own_images() { with_images "$HOST_DIR/kubeadm.yaml"; }
with_own_version() { with_own_images | sed "s/^kubernetesVersion: .*/kubernetesVersion: v$KUBERNETES_VERSION/"; }

take_images() {
	local former text
	former=$(cluster_configuration) && [[ -n $former ]] || return 1
	text=$(with_own_images <<<"$former")
	if [[ $text == "$former" ]]; then return; fi
	text=${text//\\/\\\\}
	text=${text//\"/\\\"}
	text=${text//$'\t'/\\t}
	all --namespace kube-system patch configmap kubeadm-config --type merge --patch "{\"data\":{\"ClusterConfiguration\":\"${text//$'\n'/\\n}\\n\"}}"
}

# upgrade_control_plane has kubeadm replace the parts of a control plane.
upgrade_control_plane() {
	local repository saved=$STATE/snapshots/before-$KUBERNETES_VERSION.db begun='' ours=''
	[[ " $HOST_ROLES " == *' control-plane '* ]] || return 0
	if control_plane_done; then return; fi
	# A registry may still have to be upgraded; images that were loaded are there.
	if [[ -n $REGISTRY ]]; then
		repository=$(cluster_configuration | with_own_images | sed -n 's/^imageRepository: //p')
		wait_for "the images of Kubernetes $KUBERNETES_VERSION" kubeadm config images pull --kubernetes-version "v$KUBERNETES_VERSION" \
			--image-repository "$repository" --cri-socket "$CRI_SOCKET"
	fi
	if [[ -f $UPGRADE_MARK && $(cat "$UPGRADE_MARK") == "begun $KUBERNETES_VERSION" ]]; then begun=1; fi
	if config_is_ours; then ours=1; fi
	# What was saved before this upgrade began stays; what an earlier one left does not.
	if [[ $KUBEADM == init && (-z $begun || ! -s $saved) ]]; then snapshot "$saved"; fi
	put_state "$UPGRADE_MARK" <<<"begun $KUBERNETES_VERSION"
	if [[ $KUBEADM == init ]]; then
		wait_for "the cluster's configuration to name the bundle's images" take_images
		kubeadm_upgrade apply "v$KUBERNETES_VERSION" --yes
	else
		kubeadm_upgrade node
	fi
	if [[ -n $ours ]]; then renew_config; fi
	put_state "$UPGRADE_MARK" <<<"done $KUBERNETES_VERSION"
	wait_for "the API server at $HOST_ADDRESS:6443" api_ready "$HOST_ADDRESS:6443"
}

# config_is_ours is true when root's kubectl has a configuration that a script wrote, or a
# copy of admin.conf. It has to be asked before kubeadm renews that.
config_is_ours() {
	local file=/root/.kube/config
	[[ -f $file ]] || return 1
	same_file "$ADMIN" "$file" || [[ "${WROTE[$file]:-} " == *" $(checksum "$file") "* ]]
}

renew_config() {
	if ! same_file "$ADMIN" /root/.kube/config; then replace "$ADMIN" /root/.kube/config 600; fi
}

# upgrade_worker gives the kubelet of a worker its configuration; a control plane has it.
upgrade_worker() {
	if [[ " $HOST_ROLES " != *' control-plane '* ]]; then kubeadm_upgrade node; fi
}

# kubeadm_upgrade ARGUMENT... is tried again while only kubeadm's checks fail: they give a
# busy cluster seconds, and they come before the first change.
kubeadm_upgrade() {
	local begin=$SECONDS
	scratch
	until kubeadm upgrade "$@" --ignore-preflight-errors="$IGNORED_ERRORS" 2>&1 | tee "$NEW"; do
		if ((SECONDS - begin >= 300)) || ! grep -q 'Some fatal errors occurred' "$NEW"; then
			# Nothing has begun where only its checks were made.
			if [[ -z ${begun:-} ]] && grep -q 'Some fatal errors occurred' "$NEW"; then rm -f "$UPGRADE_MARK"; fi
			die "kubeadm upgrade failed on $HOST_NAME; see to what it says above and run upgrade.sh again"
		fi
		printf 'checks of kubeadm did not pass; they are made again in 10 seconds\n'
		sleep 10
	done
	rm -f "$NEW"
}

# etcdctl runs in the container of this host's etcd.
etcdctl() {
	crictl exec "$(crictl ps --name '^etcd$' --quiet | head -n 1)" etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt \
		--cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key "$@"
}

# snapshot FILE saves what etcd has. What FILE held before stays until the new one is whole.
# Only root can read it.
snapshot() {
	local inside=/var/lib/etcd/satchel-snapshot
	[[ ! -d $1 ]] || die "$1 is a directory; give the name of a file in it. Nothing was saved"
	rm -f "$inside" "$inside.part" "$1.new"
	etcdctl snapshot save "$inside" >/dev/null || die "etcd of $HOST_NAME did not save what it has; $1 is as it was"
	if ! (umask 077 && mkdir -p "$(dirname "$1")" && cp "$inside" "$1.new"); then
		rm -f "$inside" "$1.new"
		die "cannot write $1.new; what was at $1 is as it was"
	fi
	rm -f "$inside"
	on_disk "$1.new"
	mv -f "$1.new" "$1"
	on_disk "$(dirname "$1")"
	printf 'etcd was saved to %s\n' "$1"
}

# pods prints those that have to leave this node: NAMESPACE NAME OWNER.
pods() {
	own get pods --all-namespaces --field-selector "spec.nodeName=$HOST_NAME" \
		-o 'jsonpath={range .items[*]}{.metadata.namespace}|{.metadata.name}|{.metadata.ownerReferences[0].kind}|{.status.phase}{"\n"}{end}' |
		awk -F'|' '$3 != "DaemonSet" && $3 != "Node" && $4 != "Succeeded" && $4 != "Failed" {print $1, $2, ($3 == "" ? "-" : $3)}'
}

ask_pods() { PODS=$(pods); }

# check_pods refuses to end what nothing would start again, of what ask_pods was told.
check_pods() {
	local left
	left=$(awk '$3 == "-" {print $1 "/" $2}' <<<"$PODS")
	[[ -z $left || -n ${force:-} ]] ||
		die "these pods of $HOST_NAME have nothing that would start them elsewhere: $(tr '\n' ' ' <<<"$left"); delete them, or give --force, and run upgrade.sh again"
}

# drain has no new pods come here, and those that are here leave, as their disruption
# budgets allow.
drain() {
	local namespace name begin=$SECONDS
	wait_for "the API server to tell which pods $HOST_NAME has" ask_pods
	check_pods
	if [[ ! -f $cordoned ]]; then
		wait_for "the API server to tell of this node" ask_node
		if [[ $UNSCHEDULABLE == true ]]; then
			printf 'note: an administrator has cordoned %s; it stays so\n' "$HOST_NAME"
		else
			: >"$cordoned"
			on_disk "$cordoned"
		fi
	fi
	wait_for "$HOST_NAME to be cordoned" own cordon "$HOST_NAME"
	while true; do
		if ! ask_pods; then
			PODS=''
		elif [[ -z $PODS ]]; then
			break
		fi
		if ((SECONDS - begin >= ${SATCHEL_DRAIN:-300})); then
			[[ -n $PODS ]] || die "the API server did not tell which pods are left; $HOST_NAME stays cordoned; see to it and run upgrade.sh again"
			die "these pods did not leave within ${SATCHEL_DRAIN:-300} seconds: $(awk '{print $1 "/" $2}' <<<"$PODS" | tr '\n' ' '); a PodDisruptionBudget may hold them. $HOST_NAME stays cordoned; see to it and run upgrade.sh again"
		fi
		while read -r namespace name _; do
			if [[ -z $name ]]; then continue; fi
			printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"%s","namespace":"%s"}}' "$name" "$namespace" |
				own create --raw "/api/v1/namespaces/$namespace/pods/$name/eviction" -f - >/dev/null 2>&1 || true
		done <<<"$PODS"
		sleep 2
	done
}

uncordon() {
	if [[ -f $cordoned ]]; then
		wait_for "$HOST_NAME to be uncordoned" own uncordon "$HOST_NAME"
		rm -f "$cordoned"
	fi
}

# tell_moved LINES has those that wait for their turn see that others had theirs.
tell_moved() {
	local waiting=()
	mapfile -t waiting < <(awk -v mark="asks-$KUBERNETES_VERSION" '$6 == mark {print $1}' <<<"$1")
	((${#waiting[@]} == 0)) || all annotate node "${waiting[@]}" --overwrite "$MARK-moved=$SECONDS" >/dev/null || true
}

# call_others gives each worker its turn, on the first control plane, until all nodes run
# the release.
call_others() {
	local lines next begin=$SECONDS before=''
	[[ $KUBEADM == init ]] || return 0
	while true; do
		lines=$(nodes || true)
		if [[ -n $lines && -z $(awk -v release="v$KUBERNETES_VERSION" '$2 != release || $3 != "True" || $6 ~ /^(turn|asks)-/' <<<"$lines") ]]; then return; fi
		if [[ $lines != "$before" ]]; then
			before=$lines
			begin=$SECONDS
			tell_moved "$lines"
		fi
		if ! grep -q " turn-$KUBERNETES_VERSION\$" <<<"$lines"; then
			next=$(awk -v mark="asks-$KUBERNETES_VERSION" '$6 == mark {print $1; exit}' <<<"$lines")
			if [[ -n $next ]]; then
				printf 'calling %s\n' "$next"
				all annotate node "$next" --overwrite "$MARK=turn-$KUBERNETES_VERSION" >/dev/null || true
			fi
		fi
		if ((SECONDS - begin >= ${SATCHEL_WAIT:-900})); then
			die "no node moved for ${SATCHEL_WAIT:-900} seconds; not at $KUBERNETES_VERSION and well yet: $(awk -v release="v$KUBERNETES_VERSION" '$2 != release || $3 != "True" {printf "%s ", $1}' <<<"$lines"); run upgrade.sh there, and here again"
		fi
		sleep 2
	done
}
