#!/bin/bash
# The bundle's manifests, applied by the first control plane, in their order.
. "$BUNDLE/steps/lib.sh"

if [[ -f $HOST_DIR/dashboard-token ]]; then
	put "$HOST_DIR/dashboard-token" /usr/local/bin/dashboard-token 755
fi
if [[ -n $DRY_RUN && ! -f /etc/kubernetes/admin.conf ]]; then
	for manifest in $MANIFESTS; do printf 'would apply manifests/%s\n' "$manifest"; done
	changed manifests
	exit 0
fi

kubectl=(kubectl --kubeconfig=/etc/kubernetes/admin.conf)
how=(--server-side --force-conflicts --field-manager=satchel)
# apply FILE is tried again: what a manifest defines may take seconds until it is known,
# and the next one may need it.
apply() { "${kubectl[@]}" apply "${how[@]}" -f "$1"; }

for manifest in $MANIFESTS; do
	file=$BUNDLE/manifests/$manifest
	if "${kubectl[@]}" diff "${how[@]}" -f "$file" >/dev/null 2>&1; then
		continue
	fi
	if [[ -n $DRY_RUN ]]; then
		printf 'would apply manifests/%s\n' "$manifest"
	elif ! apply "$file"; then
		SATCHEL_WAIT=60 wait_for "the cluster to take manifests/$manifest" apply "$file"
	fi
	changed "manifests/$manifest"
done
