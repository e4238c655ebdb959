#!/bin/bash
# Docker from its static archive, unless it comes as packages. The whole daemon.json is
# ours: appending to it, as is often done, gives invalid JSON on a second run.
. "$BUNDLE/steps/lib.sh"
. "$BUNDLE/steps/network.sh"

undo() { # containers, or network and what was there
	case $1 in
	network) undo_network "$2" ;;
	containers) remove_containers "$2" ;;
	esac
}

containers() { docker ps --all --quiet --no-trunc; }

# remove_containers FORMER ends what containers may be left, before Docker stops. Those in
# the file FORMER are somebody's from before, and stay with their volumes.
remove_containers() {
	local name all
	if ! systemctl is-active --quiet docker.service; then return; fi
	all=$(containers)
	for name in $all; do
		if ! grep -qsxF "$name" "$1"; then docker rm --force --volumes "$name" >/dev/null; fi
	done
}
if [[ ${1:-} == undo ]]; then
	undo "${@:2}"
	exit
fi

record_runtime
record_own network "$(network_now)"
keep_sysctls net.ipv4.conf.all.accept_redirects net.ipv4.ip_forward
units=/etc/systemd/system
if [[ -z ${RUNTIME_PACKAGE:-} ]]; then
	if ! getent group docker >/dev/null; then
		record_group docker
		run groupadd --system docker
		changed group:docker
	fi
	unpack "$BUNDLE/files/$HOST_ARCH/docker.tgz" /usr/local/bin 1
	put "$BUNDLE/units/docker.socket" "$units/docker.socket"
	put "$BUNDLE/units/docker.service" "$units/docker.service"
fi
put "$HOST_DIR/daemon.json" /etc/docker/daemon.json
if [[ -n $REGISTRY ]]; then put_registry_ca "/etc/docker/certs.d/$REGISTRY/ca.crt"; fi
reload_units "$units/docker.socket" "$units/docker.service"
if [[ -n ${RUNTIME_PACKAGE:-} ]] && replaced docker.service; then
	run systemctl daemon-reload
	changed docker:replaced
fi
enable docker.socket
enable docker.service
serve docker.socket restart "$units/docker.socket"
serve docker.service restart docker:replaced /etc/docker/daemon.json "$units/docker.service" docker.tgz
record_containers
