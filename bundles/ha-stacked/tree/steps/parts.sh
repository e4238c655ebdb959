# shellcheck shell=bash
# Which releases the parts of a control plane have: by the manifests of its static pods, and
# by kubeadm's configuration, which names where images are, and those of etcd and CoreDNS.

# part_tag NAME prints the tag of the image of a static pod, and nothing where there is none.
part_tag() {
	[[ ! -f /etc/kubernetes/manifests/$1.yaml ]] || sed -n "s|^ *image: .*/$1:||p" "/etc/kubernetes/manifests/$1.yaml"
}

# named_tag dns|etcd prints the tag that a configuration of kubeadm names, from the input.
named_tag() { awk -v section="$1:" '/^[^ ]/ {now = $1} now == section && $1 == "imageTag:" {print $2}'; }

# with_images FILE prints the input, a configuration, with the repositories and the tags that
# the configuration in FILE names.
with_images() {
	awk '/^[^ ]/ {section = $1}
		$1 == "imageTag:" || $1 == "imageRepository:" {
			key = section " " $1
			if (NR == FNR) own[key] = $2
			else if (key in own) sub($1 ".*", $1 " " own[key])
		}
		NR != FNR' "$1" -
}
