#!/bin/bash
# The bundle's images, straight into containerd, for clusters without a registry: those
# that it lacks, each with its own layers, a few at once, and first what kubeadm needs.
# They are pinned: the kubelet must not delete what nothing could bring back.
. "$BUNDLE/steps/lib.sh"

layout=$BUNDLE/images
workers=4

images() { ctr --namespace k8s.io images "$@"; }

# in_order prints the lines DIGEST NAME of the bundle's images.
in_order() {
	grep -E ' (registry\.k8s\.io|k8s\.gcr\.io)/' "$layout/list" || true
	grep -v -E ' (registry\.k8s\.io|k8s\.gcr\.io)/' "$layout/list" || true
}

# is_index DIGEST is true when this names the manifests of platforms, and is not one.
is_index() { grep -q '"manifests":' "$layout/blobs/sha256/${1#sha256:}"; }

# parts DIGEST prints the digests that an index or a manifest names and that are there:
# the bundle has not every platform.
parts() {
	local digest
	grep -o 'sha256:[0-9a-f]\{64\}' "$layout/blobs/sha256/${1#sha256:}" | while IFS= read -r digest; do
		if [[ -f $layout/blobs/sha256/${digest#sha256:} ]]; then printf '%s\n' "$digest"; fi
	done
}

# all_parts DIGEST prints those of an image, with its own.
all_parts() {
	local manifest
	printf '%s\n' "$1"
	if is_index "$1"; then
		for manifest in $(parts "$1"); do
			printf '%s\n' "$manifest"
			parts "$manifest"
		done
	else
		parts "$1"
	fi
}

# bring DIGEST NAME imports one image, as a layout of its own.
bring() {
	local dir files type=manifest
	if is_index "$1"; then type=index; fi
	dir=$(mktemp -d "/run/satchel.$$.XXXXXXXX")
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.%s.v1+json","digest":"%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}]}' \
		"$type" "$1" "$(stat -c %s "$layout/blobs/sha256/${1#sha256:}")" "$2" >"$dir/index.json"
	mapfile -t files < <(all_parts "$1" | sort -u)
	tar -cf - -C "$dir" index.json -C "$layout" oci-layout "${files[@]/#sha256:/blobs/sha256/}" | images import - >/dev/null
	rm -rf "$dir"
	pin "$2"
}

pin() { images label "$1" io.cri-containerd.pinned=pinned >/dev/null; }

# work NUMBER brings each image whose turn it is.
work() {
	local i digest name
	for ((i = $1; i < ${#missing[@]}; i += workers)); do
		read -r digest name <<<"${missing[i]}"
		bring "$digest" "$name"
	done
}

have=$(images ls 2>/dev/null | awk 'NR > 1 {print $3, $1, ($0 ~ /io.cri-containerd.pinned=pinned/)}' || true)
missing=() unpinned=()
while read -r digest name; do
	case $'\n'$have$'\n' in
	*$'\n'"$digest $name 1"$'\n'*) ;;
	*$'\n'"$digest $name 0"$'\n'*) unpinned+=("$name") ;;
	*) missing+=("$digest $name") ;;
	esac
done < <(in_order)

if ((${#missing[@]})); then
	if [[ -z $DRY_RUN ]]; then
		wait_for "containerd" images ls
		pids=() failed=''
		for ((number = 0; number < workers; number++)); do
			work "$number" &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
		[[ -z $failed ]] || die 'not all images could be imported; see what it says above, and whether the disk is full (df), and run it again'
	fi
	changed "images:${#missing[@]}"
elif ((${#unpinned[@]})); then
	changed images:pinned
fi
for name in ${unpinned[@]+"${unpinned[@]}"}; do
	if [[ -z $DRY_RUN ]]; then pin "$name"; fi
done
