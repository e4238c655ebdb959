# shellcheck shell=bash
# The keys that the API server encrypts Secrets with in etcd. The first one of its
# configuration writes, all of them read; a Secret whose key is not among them cannot be
# read any more, and then the API server is never ready again. Values stay in this shell
# and in files that root alone can read.
ENCRYPTION=/etc/kubernetes/encryption/config.yaml
MANIFESTS=(/etc/kubernetes/manifests /etc/kubernetes/satchel-held) # static pods, and those that a restore holds
KEYS=()                                                           # each PROVIDER NAME VALUE
OWN_KEY=''                                                        # that of the bundle and the secrets
KEY_PROBLEM=''

# read_keys FILE sets KEYS to those of a configuration. It fails at what satchel does not write.
read_keys() {
	local line provider='' name=''
	local of='^ *- (aescbc|secretbox):$' named='^ *- name: "?([^": ]+)"?$' value='^ *secret: "([A-Za-z0-9+/=]+)"$'
	KEYS=()
	while IFS= read -r line || [[ -n $line ]]; do
		if [[ $line =~ $of ]]; then
			provider=${BASH_REMATCH[1]}
		elif [[ $line =~ $named ]]; then
			name=${BASH_REMATCH[1]}
		elif [[ $line =~ $value && -n $provider && -n $name ]]; then
			KEYS+=("$provider $name ${BASH_REMATCH[1]}")
			name=''
		else
			case $line in
			'' | '#'* | 'apiVersion: apiserver.config.k8s.io/v1' | 'kind: EncryptionConfiguration' | 'resources:') ;;
			'  - resources: [secrets]' | '    providers:' | '          keys:' | '      - identity: {}') ;;
			*) return 1 ;;
			esac
		fi
	done <"$1"
	((${#KEYS[@]})) && [[ -z $name ]]
}

# configuration KEY... prints the one that has these keys, the first of which writes.
configuration() {
	local key last=''
	printf '%s\n' '# ./cluster.sh encryption is on the way from one key to another.' 'apiVersion: apiserver.config.k8s.io/v1' \
		'kind: EncryptionConfiguration' 'resources:' '  - resources: [secrets]' '    providers:'
	for key in "$@"; do
		if [[ ${key%% *} != "$last" ]]; then
			last=${key%% *}
			printf '      - %s:\n          keys:\n' "$last"
		fi
		printf '            - name: "%s"\n              secret: "%s"\n' "$(name_of "$key")" "${key##* }"
	done
	printf '      - identity: {}\n'
}

# name_of KEY prints what is no secret of it.
name_of() { local name=${1% *}; printf '%s' "${name#* }"; }

# own_key sets OWN_KEY.
own_key() {
	scratch
	fill "$HOST_DIR/encryption.yaml" >"$NEW"
	read_keys "$NEW" || die "the bundle's hosts/$HOST_NAME/encryption.yaml is not as satchel writes it"
	rm -f "$NEW"
	OWN_KEY=${KEYS[0]}
}

# encrypts is true when the API server of this host was made to read the configuration.
encrypts() {
	local dir
	for dir in "${MANIFESTS[@]}"; do
		if grep -qs -e "--encryption-provider-config=$ENCRYPTION" "$dir/kube-apiserver.yaml"; then return 0; fi
	done
	return 1
}

# check_key is true when the bundle and the secrets may say what the API server encrypts
# with: it writes with their key already. Otherwise KEY_PROBLEM says why not.
check_key() {
	find_key_problem
	[[ -z $KEY_PROBLEM ]]
}

find_key_problem() {
	local first
	KEY_PROBLEM=''
	if [[ ! -f $ENCRYPTION ]] || ! encrypts; then return; fi
	own_key
	if ! read_keys "$ENCRYPTION"; then
		KEY_PROBLEM="$ENCRYPTION is not as satchel writes it; its keys would be lost, and with them all Secrets in etcd. Bring it into the form of the bundle's hosts/$HOST_NAME/encryption.yaml"
		return
	fi
	first=${KEYS[0]}
	if [[ $first == "$OWN_KEY" ]]; then return; fi
	if [[ ${first% *} == "${OWN_KEY% *}" ]]; then
		KEY_PROBLEM="the secrets have another encryption key than the API server, under the same name $(name_of "$first"): they are not those of this cluster"
	else
		KEY_PROBLEM="the API server encrypts with ${first%% *} and the key $(name_of "$first"), and the bundle with these secrets has ${OWN_KEY%% *} and $(name_of "$OWN_KEY"), which would make all Secrets unreadable. Give the cluster's newest secrets; where the new key is wanted, run ./cluster.sh encryption --secrets FILE on all control planes first"
	fi
}

# between_keys is true while the API server has other keys beside the one it writes with.
between_keys() { [[ -f $ENCRYPTION ]] && encrypts && read_keys "$ENCRYPTION" && ((${#KEYS[@]} > 1)); }

# check_snapshot FILE holds that the API server will be able to read the Secrets in it. What
# was overwritten lately is in it too, so one key that is known has to be enough.
check_snapshot() {
	local prefixes key
	if [[ ! -f $ENCRYPTION ]] || ! encrypts; then return; fi
	prefixes=$(LC_ALL=C grep -aoE 'k8s:enc:(aescbc|secretbox):v1:[^:[:cntrl:]]{1,63}:' "$1" | sort -u || true)
	if [[ -z $prefixes ]] || ! read_keys "$ENCRYPTION"; then return; fi
	for key in "${KEYS[@]}"; do
		if [[ $'\n'$prefixes$'\n' == *$'\n'"k8s:enc:${key%% *}:v1:$(name_of "$key"):"$'\n'* ]]; then return; fi
	done
	prefixes=${prefixes//k8s:enc:/}
	prefixes=${prefixes//:v1:/ }
	prefixes=${prefixes//:/}
	die "the Secrets in $1 are encrypted with a key that the API server does not have (${prefixes//$'\n'/, }). First go back to it: ./cluster.sh encryption with the secrets that have it, on all control planes; where the API is gone, add it to the keys in $ENCRYPTION there. Nothing was changed"
}
