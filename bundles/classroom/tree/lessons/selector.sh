#!/bin/bash
# 2.1.3: a service that finds none of its pods.
. "$BUNDLE/lessons/lib.sh"

service=$SELECTED
namespace=${service%%/*} name=${service#*/}
selector() { kubectl -n "$namespace" get service "$name" -o 'jsonpath={.spec.selector}'; }
set_selector() {
	kubectl -n "$namespace" patch service "$name" --type json -p "[{\"op\":\"replace\",\"path\":\"/spec/selector\",\"value\":$1}]" >/dev/null
}

story() { say 'A colleague says: all pods are Running, but connections to the service %s are refused.' "$service"; }
prepare() { selector | note selector && [[ $(noted selector) == '{'* ]] && date +%s | note ready; }
spoil() { set_selector '{"app":"somebody-else"}'; }
mended() { [[ $(selector) == "$(noted selector)" && -n $(kubectl -n "$namespace" get endpoints "$name" -o 'jsonpath={.subsets[*].addresses[*].ip}') ]]; }
undo() { if [[ $(selector) != "$(noted selector)" ]]; then set_selector "$(noted selector)"; fi; }

lesson "$@"
