#!/bin/bash
# The bundle's images, straight into containerd, for clusters without a registry. They
# are pinned: the kubelet must not delete what nothing could bring back.
. "$BUNDLE/steps/lib.sh"

images() { ctr --namespace k8s.io images "$@"; }

have=$(images ls 2>/dev/null | awk 'NR > 1 {print $3, $1, ($0 ~ /io.cri-containerd.pinned=pinned/)}' || true)
missing=0 loose=0 names=()
while read -r digest name; do
	names+=("$name")
	case $'\n'$have$'\n' in
	*$'\n'"$digest $name 1"$'\n'*) ;;
	*$'\n'"$digest $name 0"$'\n'*) loose=$((loose + 1)) ;;
	*) missing=$((missing + 1)) ;;
	esac
done <"$BUNDLE/images/list"

if ((missing)); then
	if [[ -z $DRY_RUN ]]; then
		wait_for "containerd" images ls
		tar -C "$BUNDLE/images" -cf - oci-layout index.json blobs | images import - >/dev/null
	fi
	changed "images:$missing"
elif ((loose)); then
	changed images:pinned
fi
# The import takes the pins of images that were there already, too.
if ((missing + loose)) && [[ -z $DRY_RUN ]]; then
	for name in "${names[@]}"; do images label "$name" io.cri-containerd.pinned=pinned >/dev/null; done
fi
