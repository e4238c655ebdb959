#!/bin/bash
# Docker from its static archive, unless it comes as packages. The whole daemon.json is ours: appending to it, as
# is often done, gives invalid JSON on a second run.
. "$BUNDLE/steps/lib.sh"

units=/etc/systemd/system
if [[ -z ${RUNTIME_PACKAGE:-} ]]; then
	if ! getent group docker >/dev/null; then
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
enable docker.socket
enable docker.service
serve docker.service restart /etc/docker/daemon.json "$units/docker.service" docker.tgz
