#!/bin/bash
# Files that the API server's flags name: the audit policy and the key of secrets at rest.
. "$BUNDLE/steps/lib.sh"

if [[ -f $HOST_DIR/audit-policy.yaml ]]; then
	record_tree /var/log/kubernetes/audit
	put "$HOST_DIR/audit-policy.yaml" /etc/kubernetes/audit/policy.yaml 600
fi
if [[ -f $HOST_DIR/encryption.yaml ]]; then
	put "$HOST_DIR/encryption.yaml" /etc/kubernetes/encryption/config.yaml 600
fi
