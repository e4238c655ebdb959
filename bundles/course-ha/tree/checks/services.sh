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
	*::*) wrong 'there is no service %s' "$namespace/$name"; continue ;;
	Headless:ClusterIP:None) ok '%s is headless: it has no address of its own' "$namespace/$name" ;;
	ExternalName:ExternalName:*) ok '%s is a name for another name' "$namespace/$name"; continue ;;
	"$type:$type:"*) ok '%s is of the type %s, at %s' "$namespace/$name" "$type" "${address:-$(tell 'no address')}" ;;
	*) wrong '%s is of the type %s, and should be %s' "$namespace/$name" "$type" "$kind"; continue ;;
	esac
	behind=$(ask -n "$namespace" get endpoints "$name" -o 'jsonpath={.subsets[*].addresses[*].ip}') || behind=''
	if [[ -n $behind ]]; then
		ok '%s leads to %s' "$namespace/$name" "$behind"
	else
		wrong '%s leads to no pod: compare its selector with the labels of the pods (kubectl -n %s get pods --show-labels)' "$namespace/$name" "$namespace"
	fi
done
