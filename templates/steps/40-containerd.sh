#!/bin/bash
# containerd and runc from their static builds, unless they come as packages, with the
# bundle's registry.
. "$BUNDLE/steps/lib.sh"

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
enable containerd.service
serve containerd.service restart /etc/containerd/config.toml "$unit" containerd.tar.gz /usr/local/sbin/runc
