#!/bin/bash
# 2.1.1 to 2.1.3: each service is of its kind and has pods behind it.
. "$BUNDLE/checks/lib.sh"

on_control_plane || exit 0
for service in kubernetes=default/ClusterIP $SERVICES; do
	name=${service%%=*} rest=${service#*=}
	namespace=${rest%%/*} kind=${rest#*/}
	state=$(ask -n "$namespace" get service "$name" -o 'jsonpath={.spec.type} {.spec.clusterIP}') || state=''
	read -r type address <<<"$state"
	case $kind:$type:$address in
	*::*) wrong "there is no service $namespace/$name"; continue ;;
	Headless:ClusterIP:None) ok "$namespace/$name is headless: it has no address of its own" ;;
	ExternalName:ExternalName:*) ok "$namespace/$name is a name for another name"; continue ;;
	"$type:$type:"*) ok "$namespace/$name is of the type $type, at ${address:-no address}" ;;
	*) wrong "$namespace/$name is of the type ${type:-none}, and should be $kind"; continue ;;
	esac
	behind=$(ask -n "$namespace" get endpoints "$name" -o 'jsonpath={.subsets[*].addresses[*].ip}') || behind=''
	if [[ -n $behind ]]; then
		ok "$namespace/$name leads to $behind"
	else
		wrong "$namespace/$name leads to no pod: compare its selector with the pods' labels (kubectl -n $namespace get pods --show-labels)"
	fi
done
