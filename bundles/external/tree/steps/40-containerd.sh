#!/bin/bash
# containerd and runc from their static builds, unless they come as packages, with the
# bundle's registry.
. "$BUNDLE/steps/lib.sh"

# containers prints all that there are: NAMESPACE NAME.
containers() {
	local spaces space
	spaces=$(ctr namespaces ls -q) || return
	for space in $spaces; do ctr --namespace "$space" containers ls -q | sed "s/^/$space /" || return; done
}

# remove_containers FORMER ends what pods may be left, before containerd stops; it would
# leave their processes behind. Those in the file FORMER are somebody's from before.
remove_containers() {
	local space name all
	if ! systemctl is-active --quiet containerd.service; then return; fi
	all=$(containers)
	while read -r space name; do
		if [[ -z $name ]] || grep -qsxF "$space $name" "$1"; then continue; fi
		ctr --namespace "$space" tasks delete --force "$name" >/dev/null 2>&1 || true
		ctr --namespace "$space" containers delete "$name" >/dev/null 2>&1 || true
	done <<<"$all"
}

if [[ ${1:-} == undo ]]; then
	remove_containers "$3"
	exit
fi

record_runtime
unit=/etc/systemd/system/containerd.service
if [[ -z ${RUNTIME_PACKAGE:-} ]]; then
	unpack "$BUNDLE/files/$HOST_ARCH/containerd.tar.gz" /usr/local
	put_binary "$BUNDLE/files/$HOST_ARCH/runc" /usr/local/sbin/runc
	put "$BUNDLE/units/containerd.service" "$unit"
fi
put "$HOST_DIR/config.toml" /etc/containerd/config.toml
if [[ -n $REGISTRY ]]; then
	put "$HOST_DIR/hosts.toml" "/etc/containerd/certs.d/$REGISTRY/hosts.toml"
	put_registry_ca "/etc/containerd/certs.d/$REGISTRY/ca.crt"
fi
reload_units "$unit"
if [[ -n ${RUNTIME_PACKAGE:-} ]] && replaced containerd.service; then
	run systemctl daemon-reload
	changed containerd:replaced
fi
enable containerd.service
serve containerd.service restart containerd:replaced /etc/containerd/config.toml "$unit" containerd.tar.gz /usr/local/sbin/runc
record_containers
