#!/bin/bash
# Files that the API server's flags name: the audit policy and the key of secrets at rest.
. "$BUNDLE/steps/lib.sh"
. "$BUNDLE/steps/keys.sh"

if [[ -f $HOST_DIR/audit-policy.yaml ]]; then
	record_tree /var/log/kubernetes/audit
	put "$HOST_DIR/audit-policy.yaml" /etc/kubernetes/audit/policy.yaml 600
fi
if [[ -f $HOST_DIR/encryption.yaml ]]; then
	check_key || die "$KEY_PROBLEM"
	if between_keys; then
		tell "the change of the encryption key is not through, and $ENCRYPTION stays as it is: run ./cluster.sh encryption --secrets FILE on all control planes"
	else
		put "$HOST_DIR/encryption.yaml" "$ENCRYPTION" 600
	fi
fi
