#!/bin/bash
# Harbor from its offline installer: its images, its configuration, its unit, then its
# projects and users through its API, and last the bundle's images.
. "$BUNDLE/steps/lib.sh"

unit=/etc/systemd/system/harbor.service
record_tree "$HARBOR_DIR" /var/log/harbor
unpack "$BUNDLE/files/$HOST_ARCH/harbor-offline-installer.tgz" "$HARBOR_DIR" 1
put_binary "$BUNDLE/files/$HOST_ARCH/docker-compose" /usr/local/bin/docker-compose
put_binary "$BUNDLE/bin/satchel-$HOST_ARCH" /usr/local/bin/satchel
if [[ -n ${REGISTRY_CA:-} ]]; then
	put_secret registry-crt "$HARBOR_DIR/tls/harbor.crt" 644
	put_secret registry-key "$HARBOR_DIR/tls/harbor.key" 600
	put_secret registry-ca-crt /etc/satchel/registry-ca.crt 644
fi
put "$HOST_DIR/harbor.yml" "$HARBOR_DIR/harbor.yml" 600
put "$HOST_DIR/harbor.service" "$unit"

if [[ -n $DRY_RUN ]]; then
	printf 'would load the images of Harbor %s, start it, and push the bundle'\''s images to %s\n' "$HARBOR_VERSION" "$HARBOR_URL"
	[[ -f /var/lib/satchel/harbor ]] || changed harbor
	exit 0
fi

# What follows is in Docker's and Harbor's directories, which are noted already.
if ! docker image inspect "goharbor/prepare:v$HARBOR_VERSION" >/dev/null 2>&1; then
	docker load --quiet --input "$HARBOR_DIR/harbor.v$HARBOR_VERSION.tar.gz" >/dev/null
	changed "harbor:images"
fi
if [[ ! -f $HARBOR_DIR/docker-compose.yml ]] ||
	is_changed "$HARBOR_DIR/harbor.yml" harbor-offline-installer.tgz "$HARBOR_DIR/tls/harbor.crt"; then
	(cd "$HARBOR_DIR" && ./prepare >/dev/null)
	changed "harbor:prepared"
fi
reload_units "$unit"
enable harbor.service
serve harbor.service restart "$unit" "harbor:prepared"

# api METHOD PATH BODY asks Harbor as its administrator and prints the answer, and on a
# line of its own the status. The password goes in by a file descriptor, never as an
# argument.
api() {
	curl --silent --show-error --write-out '\n%{http_code}' --max-time 30 \
		${REGISTRY_CA:+--cacert /etc/satchel/registry-ca.crt} --request "$1" \
		--config <(printf 'user = "admin:%s"\n' "${SECRET[harbor-admin-password]}") \
		--header 'Content-Type: application/json' --data @- "$HARBOR_URL/api/v2.0$2" <<<"$3"
}

# healthy is true when all parts of Harbor are; while some are not, the status is 200 too.
healthy() {
	local body
	body=$(curl --silent --show-error --fail --max-time 30 ${REGISTRY_CA:+--cacert /etc/satchel/registry-ca.crt} "$HARBOR_URL/api/v2.0/health") || return 1
	[[ $body == *'"healthy"'* && $body != *'"unhealthy"'* ]]
}
wait_for "Harbor at $HARBOR_URL" healthy

# ensure WHAT METHOD PATH BODY makes it; that it is there already (409) is as good.
ensure() {
	local answer
	answer=$(api "$2" "$3" "$4")
	case ${answer##*$'\n'} in
	200 | 201) changed "harbor:$1" ;;
	409) ;;
	*) die "Harbor answered ${answer##*$'\n'} to making the $1: ${answer%$'\n'*}; see $HARBOR_DIR and docker-compose logs" ;;
	esac
}
while read -r kind one two three; do
	case $kind in
	project) ensure "project $one" POST /projects "{\"project_name\":\"$one\",\"metadata\":{\"public\":\"$two\"}}" ;;
	user) ensure "user $one" POST /users "{\"username\":\"$one\",\"email\":\"$two\",\"realname\":\"$one\",\"comment\":\"\",\"password\":\"$three\"}" ;;
	member) ensure "role of $two in $one" POST "/projects/$one/members" "{\"role_id\":$three,\"member_user\":{\"username\":\"$two\"}}" ;;
	esac
done < <(fill "$HOST_DIR/harbor-accounts")

# The bundle's images, as the administrator. What is there already is not sent again.
done_mark=/var/lib/satchel/harbor
if ! same_file "$BUNDLE/SHA256SUMS" "$done_mark"; then
	DOCKER_CONFIG=$(mktemp -d "/run/satchel.$$.XXXXXXXX")
	export DOCKER_CONFIG
	(umask 077 && printf '{"auths":{"%s":{"auth":"%s"}}}\n' "${REGISTRY%%/*}" \
		"$(printf 'admin:%s' "${SECRET[harbor-admin-password]}" | base64 --wrap=0)" >"$DOCKER_CONFIG/config.json")
	args=(--images)
	if [[ -n ${REGISTRY_CA:-} ]]; then
		args+=(--ca /etc/satchel/registry-ca.crt)
	else
		args+=(--plain-http)
	fi
	/usr/local/bin/satchel push "$BUNDLE" "$REGISTRY/$HARBOR_PROJECT" "${args[@]}" || pushed=$?
	rm -rf "$DOCKER_CONFIG"
	((${pushed:-0} == 0)) || die "not all images came to Harbor; mend what it says above and run install.sh again"
	# It goes before Harbor's own data do, without which it would be wrong.
	record file absent "$done_mark"
	put_state "$done_mark" <"$BUNDLE/SHA256SUMS"
	changed "harbor:the bundle's images"
fi
