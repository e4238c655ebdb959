#!/bin/bash
# 1.3.3: an application whose image has a name that no registry knows.
. "$BUNDLE/lessons/lib.sh"

application=${APPLICATIONS%% *}
namespace=${application%%/*} deployment=${application#*/}
image() { kubectl -n "$namespace" get deployment "$deployment" -o 'jsonpath={.spec.template.spec.containers[0].image}'; }
set_image() {
	kubectl -n "$namespace" patch deployment "$deployment" --type json \
		-p "[{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/image\",\"value\":$(json "$1")}]" >/dev/null
}

story() { say 'A colleague says: the rollout of %s hangs, and one of its pods never gets ready.' "$application"; }
prepare() { image | note image && [[ -s $RECORD/image ]] && date +%s | note ready; }
spoil() { set_image "$(noted image)-oops"; }
mended() { [[ $(image) == "$(noted image)" ]] && kubectl -n "$namespace" rollout status "deployment/$deployment" --timeout=60s >/dev/null; }
undo() { if [[ $(image) != "$(noted image)" ]]; then set_image "$(noted image)"; fi; }

lesson "$@"
