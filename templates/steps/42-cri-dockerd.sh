#!/bin/bash
# cri-dockerd, by which kubelets from 1.24 on talk to Docker. Its unit names the pause
# image, which it would ask of the network otherwise.
. "$BUNDLE/steps/lib.sh"

record_tree /var/lib/cri-dockerd /etc/cni
unpack "$BUNDLE/files/$HOST_ARCH/cri-dockerd.tgz" /usr/local/bin 1
units=/etc/systemd/system
put "$BUNDLE/units/cri-docker.socket" "$units/cri-docker.socket"
put "$HOST_DIR/cri-docker.service" "$units/cri-docker.service"
reload_units "$units/cri-docker.socket" "$units/cri-docker.service"
enable cri-docker.socket
enable cri-docker.service
serve cri-docker.service restart "$units/cri-docker.service" cri-dockerd.tgz
