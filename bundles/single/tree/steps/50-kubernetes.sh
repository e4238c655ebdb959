#!/bin/bash
# kubeadm, kubelet, kubectl, crictl and the CNI plugins and the kubelet's unit, unless they
# come as packages, and the configuration that kubeadm reads. The kubelet is enabled but
# not started: kubeadm writes its configuration first.
. "$BUNDLE/steps/lib.sh"

record_node
units=/etc/systemd/system
if [[ -z ${KUBERNETES_PACKAGES:-} ]]; then
	for program in kubeadm kubelet kubectl; do
		put_binary "$BUNDLE/files/$HOST_ARCH/$program" "/usr/local/bin/$program"
	done
	unpack "$BUNDLE/files/$HOST_ARCH/crictl.tar.gz" /usr/local/bin
	unpack "$BUNDLE/files/$HOST_ARCH/cni-plugins.tgz" /opt/cni/bin
	put "$BUNDLE/units/kubelet.service" "$units/kubelet.service"
	put "$BUNDLE/units/kubelet.service.d/10-kubeadm.conf" "$units/kubelet.service.d/10-kubeadm.conf"
	reload_units "$units/kubelet.service" "$units/kubelet.service.d/10-kubeadm.conf"
fi
put "$HOST_DIR/crictl.yaml" /etc/crictl.yaml
enable kubelet.service
# The kubelet looks for static pods on workers too, and complains each second without it.
record_directories /etc/kubernetes/manifests
put "$HOST_DIR/kubeadm.yaml" /etc/kubernetes/kubeadm.yaml 600
if [[ -d $HOST_DIR/patches ]]; then
	for patch in "$HOST_DIR"/patches/*; do
		put "$patch" "/etc/kubernetes/patches/$(basename "$patch")"
	done
fi
# A package's new kubelet waits for this: no script of the package starts anything.
if [[ -n ${KUBERNETES_PACKAGES:-} ]] && replaced kubelet.service; then
	run systemctl daemon-reload
	changed kubelet:replaced
fi
# Containers go on running meanwhile.
serve kubelet.service try-restart kubelet:replaced /usr/local/bin/kubelet "$units/kubelet.service" "$units/kubelet.service.d/10-kubeadm.conf"
