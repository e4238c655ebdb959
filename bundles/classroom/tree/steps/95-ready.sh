#!/bin/bash
# Done means that the node is ready for pods.
. "$BUNDLE/steps/lib.sh"

node_ready() {
	[[ $(kubectl --kubeconfig=/etc/kubernetes/kubelet.conf --request-timeout=5s get node "$HOST_NAME" \
		-o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]
}
wait_for "the node $HOST_NAME to be ready" node_ready
