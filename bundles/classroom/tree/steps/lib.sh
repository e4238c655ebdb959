# shellcheck shell=bash
# What the steps share. Every change goes through these functions, so that a dry run
# shows it and a second run finds nothing to do. install.sh exports BUNDLE, HOST_DIR,
# SECRETS, DRY_RUN and CHANGE_LIST. Needs bash 4.2 and coreutils.
set -euo pipefail
umask 022
# shellcheck source=/dev/null
. "$HOST_DIR/host.env"

declare -A SECRET=()
CHANGED=' '
NEW=''
trap 'rm -f "$NEW"' EXIT

die() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; exit 1; }

# changed WHAT notes one change.
changed() {
	printf '%s\n' "$1" >>"$CHANGE_LIST"
	CHANGED+="$1 "
	if [[ -n $DRY_RUN ]]; then
		printf 'would change %s\n' "$1"
	else
		printf 'changed %s\n' "$1"
	fi
}

# is_changed WHAT... is true when this step changed one of them.
is_changed() {
	local what
	for what in "$@"; do
		[[ $CHANGED == *" $what "* ]] && return 0
	done
	return 1
}

# run COMMAND... runs a command, or says that it would.
run() {
	if [[ -n $DRY_RUN ]]; then
		printf 'would run: %s\n' "$*"
	else
		"$@"
	fi
}

# wait_for WHAT COMMAND... runs the command until it succeeds. The reason for the wait
# is shown; after SATCHEL_WAIT seconds, 900 unless set, it is an error.
wait_for() {
	local what=$1 begin=$SECONDS said=0 passed
	shift
	if [[ -n $DRY_RUN ]]; then
		printf 'would wait for %s\n' "$what"
		return
	fi
	until "$@" >/dev/null 2>&1; do
		passed=$((SECONDS - begin))
		if ((passed >= ${SATCHEL_WAIT:-900})); then
			die "$what did not come within ${SATCHEL_WAIT:-900} seconds; see to it and run install.sh again"
		fi
		if ((passed >= said)); then
			printf 'waiting for %s (%ss)\n' "$what" "$passed"
			said=$((passed + 15))
		fi
		sleep 0.5
	done
}

# connects HOST:PORT is true when something listens there.
connects() { timeout 2 bash -c "exec 3<>/dev/tcp/${1%:*}/${1##*:}"; }

# api_ready HOST:PORT is true when an API server there says that it is ready. Nothing
# secret is sent, so its certificate need not be known. The name keeps kubectl from
# asking for one; to the API server it is anonymous.
api_ready() {
	kubectl --kubeconfig=/dev/null --username=anonymous --password=none --server="https://$1" \
		--insecure-skip-tls-verify --request-timeout=5s get --raw /readyz </dev/null
}

# load_secrets reads NAME=VALUE lines. Values stay in this shell: they are never in
# an argument, in the log or in a file that others can read.
load_secrets() {
	local line
	[[ -n $SECRETS ]] || return 0
	while IFS= read -r line || [[ -n $line ]]; do
		[[ $line == '' || $line == '#'* ]] && continue
		[[ $line =~ ^([a-z0-9-]+)=(.+)$ ]] || die "the secrets file has a line that is not NAME=VALUE"
		SECRET[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
	done <"$SECRETS"
}

# fill FILE prints it with each @secret:NAME@ replaced by its value.
fill() {
	local rest name mark
	rest=$(cat "$1" && printf x)
	rest=${rest%x}
	while [[ $rest =~ @secret:([a-z0-9-]+)@ ]]; do
		name=${BASH_REMATCH[1]}
		mark=@secret:$name@
		[[ -n ${SECRET[$name]:-} ]] ||
			die "${1#"$BUNDLE/"} needs the secret $name; give --secrets FILE (satchel secrets new makes one)"
		printf '%s' "${rest%%"$mark"*}${SECRET[$name]}"
		rest=${rest#*"$mark"}
	done
	printf '%s' "$rest"
}

# masked hides secrets again, for output.
masked() {
	local line name
	while IFS= read -r line || [[ -n $line ]]; do
		for name in ${SECRET[@]+"${!SECRET[@]}"}; do
			line=${line//"${SECRET[$name]}"/@secret:$name@}
		done
		printf '%s\n' "$line"
	done
}

# same_file A B compares contents.
same_file() { [[ -f $2 && $(sha256sum <"$1") == "$(sha256sum <"$2")" ]]; }

# show_diff NEW OLD prints what a change would do.
show_diff() {
	local old=$2
	[[ -e $old ]] || old=/dev/null
	if command -v diff >/dev/null; then
		diff -u --label "$2" --label "$2 (new)" "$old" "$1" | masked || true
	fi
}

# scratch DEST makes NEW, an empty private file beside DEST; in a dry run elsewhere.
scratch() {
	if [[ -n $DRY_RUN ]]; then
		NEW=$(mktemp)
	else
		mkdir -p "$(dirname "$1")"
		NEW=$1.satchel-new
		rm -f "$NEW"
		(umask 077 && : >"$NEW")
	fi
}

# put_secret NAME DEST MODE installs a secret that is base64 of a file.
put_secret() {
	[[ -n ${SECRET[$1]:-} ]] || die "the secret $1 is missing; give --secrets FILE (satchel secrets new makes one)"
	scratch "$2"
	base64 --decode <<<"${SECRET[$1]}" >"$NEW" || die "the secret $1 is damaged; split or make the secrets again"
	settle "$2" "$3" hidden
}

# settle DEST MODE [hidden] moves NEW into place when it differs; being in the same
# directory, it takes effect at once or not at all.
settle() {
	if same_file "$NEW" "$1" && [[ $(stat -c %a "$1") == "$2" ]]; then
		rm -f "$NEW"
		return
	fi
	if [[ -n $DRY_RUN ]]; then
		[[ -n ${3:-} ]] || show_diff "$NEW" "$1"
		rm -f "$NEW"
	else
		chmod "$2" "$NEW"
		sync "$NEW" 2>/dev/null || sync
		mv -f "$NEW" "$1"
	fi
	changed "$1"
}

# put SOURCE DEST [MODE [CHECK...]] installs a file of the bundle with its secrets.
# CHECK is run with the new file's path as its last argument before it takes effect.
put() {
	local source=$1 dest=$2 mode=${3:-644} said
	shift $(($# > 3 ? 3 : $#))
	scratch "$dest"
	fill "$source" >"$NEW"
	if (($#)) && ! same_file "$NEW" "$dest" && ! said=$("$@" "$NEW" 2>&1); then
		masked <<<"$said" >&2
		die "the new $dest does not pass: $*"
	fi
	settle "$dest" "$mode"
}

# put_binary SOURCE DEST [MODE] installs a file as it is.
put_binary() {
	if same_file "$1" "$2"; then return; fi
	if [[ -z $DRY_RUN ]]; then
		scratch "$2"
		cp "$1" "$NEW"
		chmod "${3:-755}" "$NEW"
		mv -f "$NEW" "$2"
	fi
	changed "$2"
}

# unpack ARCHIVE DIR [STRIP] unpacks a .tar.gz once; a mark remembers which.
unpack() {
	local archive=$1 dir=$2 mark sum
	mark=/var/lib/satchel/unpacked/$(basename "$archive")
	sum=$(sha256sum <"$archive")
	if [[ -f $mark && $(cat "$mark") == "$sum $dir" ]]; then return; fi
	if [[ -z $DRY_RUN ]]; then
		mkdir -p "$dir" "$(dirname "$mark")"
		tar -xzf "$archive" -C "$dir" --no-same-owner ${3:+--strip-components="$3"}
		printf '%s\n' "$sum $dir" >"$mark"
	fi
	changed "$(basename "$archive")"
}

# without BEGIN END FILE prints a file without the lines from BEGIN to END.
without() {
	local line inside=''
	while IFS= read -r line || [[ -n $line ]]; do
		case $line in
		"$1") inside=1 ;;
		"$2") inside='' ;;
		*) [[ -n $inside ]] || printf '%s\n' "$line" ;;
		esac
	done <"$3"
	[[ -z $inside ]] || die "$3 has the line '$1' without '$2'; mend it first"
}

# put_registry_ca DEST installs the certificate of the registry's authority.
put_registry_ca() {
	case ${REGISTRY_CA:-} in
	'') ;;
	secret) put_secret registry-ca-crt "$1" 644 ;;
	*) put "$HOST_DIR/$REGISTRY_CA" "$1" ;;
	esac
}

# reload_units makes systemd read unit files that this step changed.
reload_units() {
	if is_changed "$@"; then run systemctl daemon-reload; fi
}

# enable UNIT has it start at boot.
enable() {
	if ! systemctl is-enabled --quiet "$1" 2>/dev/null; then
		run systemctl enable --quiet "$1"
		changed "$1:enabled"
	fi
}

# serve UNIT HOW PATH... has the unit running, and HOW (restart, reload-or-restart)
# when one of PATH was changed.
serve() {
	local unit=$1 how=$2
	shift 2
	if ! systemctl is-active --quiet "$unit"; then
		run systemctl start "$unit"
		changed "$unit:started"
	elif is_changed "$@"; then
		run systemctl "$how" "$unit"
	fi
}

load_secrets
