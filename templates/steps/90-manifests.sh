#!/bin/bash
# The bundle's manifests, applied by the first control plane, in their order.
. "$BUNDLE/steps/lib.sh"

if [[ -n $DRY_RUN && ! -f /etc/kubernetes/admin.conf ]]; then
	printf 'would apply %s\n' "$BUNDLE"/manifests/*.yaml
	changed manifests
	exit 0
fi
for manifest in "$BUNDLE"/manifests/*.yaml; do
	args=(--kubeconfig=/etc/kubernetes/admin.conf apply --server-side --force-conflicts --field-manager=satchel -f "$manifest")
	if kubectl --kubeconfig=/etc/kubernetes/admin.conf diff --server-side --force-conflicts --field-manager=satchel -f "$manifest" >/dev/null 2>&1; then
		continue
	fi
	run kubectl "${args[@]}"
	changed "manifests/$(basename "$manifest")"
done
