# shellcheck shell=bash
# Which releases the parts of a control plane have: of the static pods by their manifests,
# of etcd and CoreDNS by kubeadm's configuration, which names them.

# part_tag NAME prints the tag of the image of a static pod, and nothing where there is none.
part_tag() {
	[[ ! -f /etc/kubernetes/manifests/$1.yaml ]] || sed -n "s|^ *image: .*/$1:||p" "/etc/kubernetes/manifests/$1.yaml"
}

# named_tag dns|etcd prints the tag that a configuration of kubeadm names, from the input.
named_tag() { awk -v section="$1:" '/^[^ ]/ {now = $1} now == section && $1 == "imageTag:" {print $2}'; }

# with_tags DNS ETCD prints the input, a configuration, with these tags.
with_tags() {
	awk -v dns="$1" -v etcd="$2" '/^[^ ]/ {now = $1}
		$1 == "imageTag:" && now == "dns:" {sub(/imageTag:.*/, "imageTag: " dns)}
		$1 == "imageTag:" && now == "etcd:" {sub(/imageTag:.*/, "imageTag: " etcd)}
		{print}'
}
