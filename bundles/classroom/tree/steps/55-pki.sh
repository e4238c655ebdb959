#!/bin/bash
# The keys that all control planes share, before kubeadm runs. It keeps what it finds
# and makes the rest, so every control plane signs with one authority.
. "$BUNDLE/steps/lib.sh"

pki=/etc/kubernetes/pki
for name in ca front-proxy-ca etcd-ca; do
	file=$pki/${name/etcd-ca/etcd/ca}
	put_secret "$name-crt" "$file.crt" 644
	put_secret "$name-key" "$file.key" 600
done
put_secret sa-pub "$pki/sa.pub" 644
put_secret sa-key "$pki/sa.key" 600
