#!/bin/bash
# 1.1.4: where the hosts get their images from.
. "$BUNDLE/checks/lib.sh"

if [[ -n $REGISTRY_ADDRESS ]]; then
	if listens "${REGISTRY_ADDRESS%:*}" "${REGISTRY_ADDRESS##*:}"; then
		ok 'the registry %s listens at %s' "$REGISTRY" "$REGISTRY_ADDRESS"
	else
		wrong 'the registry %s does not listen at %s' "$REGISTRY" "$REGISTRY_ADDRESS"
	fi
	exit 0
fi
only_on "$NODES" || exit 0
if [[ -z ${HOST_IMAGES:-} ]]; then exit; fi
loaded=$(crictl images -o json 2>/dev/null) || loaded=''
missing=0 count=0
while read -r _ image; do
	count=$((count + 1))
	if [[ $loaded != *"\"$image\""* && $loaded != *"${image#*@}"* ]]; then
		missing=$((missing + 1))
		wrong '%s is not loaded: ./install.sh --only images' "$image"
	fi
done <"$BUNDLE/images/list"
if ((missing == 0)); then ok 'all %s images of the bundle are loaded here' "$count"; fi
