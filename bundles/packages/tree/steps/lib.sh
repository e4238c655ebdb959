# shellcheck shell=bash
# What the steps share. Each of these functions checks first: what is as it should be
# stays untouched, so a second run finds nothing to do. A dry run says what would change.
# Every change is noted in the journal before it is made, which is how reset.sh undoes it.
# install.sh exports BUNDLE, HOST_DIR, SECRETS, DRY_RUN and CHANGE_LIST. Needs bash 4.2
# and coreutils.
#
# A step is a script that reads this file and then says what should be. Where it changes
# something that has no function here, it calls `record_own WHAT [FORMER]` before, and
# takes that back when reset.sh runs it as `bash steps/NN-name.sh undo WHAT FILE`, with
# FORMER in the file. It may be run so again.
set -euo pipefail
umask 022
# Units alone count; the links of System V's scripts would have to be undone too.
export SYSTEMCTL_SKIP_SYSV=1
# shellcheck source=/dev/null
. "$HOST_DIR/host.env"

STEP=$(basename "$0" .sh)
KEPT=/var/lib/satchel-kept
declare -A SECRET=()
CHANGED=' '
NEW=''
AGAIN=install.sh # what to run again when something was waited for in vain
trap 'rm -f "$NEW"' EXIT
. "$BUNDLE/steps/journal.sh"

die() { printf '%s: %s\n' "$STEP" "$*" >&2; exit 1; }

tell() { printf 'note: %s\n' "$1"; }

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

# is_changed WHAT... is true when this step changed one of them, now or in an earlier run
# that was cut off before its end.
is_changed() {
	local what
	for what in "$@"; do
		[[ $CHANGED$DUE == *" $what "* ]] && return 0
	done
	return 1
}

# keep_edited FILE PATH keeps what somebody has made of PATH, which FILE has.
keep_edited() {
	mkdir -p "$KEPT$(dirname "$2")"
	cp -a "$1" "$KEPT$2"
	tell "$2 has been edited since; that text is in $KEPT$2"
}

# run COMMAND... runs a command, or says that it would.
run() {
	if [[ -n $DRY_RUN ]]; then
		printf 'would run: %s\n' "$*"
	else
		"$@"
	fi
}

# progress prints what moves while this host waits; who sees more of the others says it.
progress() { :; }

# wait_for WHAT COMMAND... runs the command until it succeeds. The reason for the wait
# is shown; after SATCHEL_WAIT seconds, 900 unless set, in which nothing moved, it is an error.
wait_for() {
	local what=$1 begin=$SECONDS moved=$SECONDS said=0 seen='' passed now
	shift
	if [[ -n $DRY_RUN ]]; then
		printf 'would wait for %s\n' "$what"
		return
	fi
	until "$@" >/dev/null 2>&1; do
		passed=$((SECONDS - begin))
		if ((passed >= said)); then
			now=$(progress 2>/dev/null || true)
			if [[ $now != "$seen" ]]; then
				seen=$now
				moved=$SECONDS
			fi
			printf 'waiting for %s (%ss)\n' "$what" "$passed"
			said=$((passed + 15))
		fi
		if ((SECONDS - moved >= ${SATCHEL_WAIT:-900})); then
			die "$what did not come within ${SATCHEL_WAIT:-900} seconds; see to it and run $AGAIN again"
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
		[[ $line != '-----BEGIN AGE '* && $line != age-encryption.org/* ]] ||
			die "the secrets file is encrypted; give this host its part of it, which satchel secrets split --identity makes"
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
			die "${1#"$BUNDLE/"} needs the secret $name; $(secrets_with)"
		printf '%s' "${rest%%"$mark"*}${SECRET[$name]}"
		rest=${rest#*"$mark"}
	done
	printf '%s' "$rest"
}

# secrets_with prints what to do when the secrets lack one.
secrets_with() {
	if [[ -z $SECRETS ]]; then
		printf '%s' 'give --secrets FILE with what this host needs (satchel secrets new and split make it)'
	else
		printf '%s' "$SECRETS lacks it: make it, and keep the others, with satchel secrets new --from OLD, and split the new ones"
	fi
}

# masked hides secrets again, for output. Whose they are, and what a key is called, is none.
masked() {
	local line name
	while IFS= read -r line || [[ -n $line ]]; do
		for name in ${SECRET[@]+"${!SECRET[@]}"}; do
			[[ $name == cluster || $name == created || $name == encryption-key-name ]] || line=${line//"${SECRET[$name]}"/@secret:$name@}
		done
		printf '%s\n' "$line"
	done
}

# same_file A B compares contents.
same_file() { [[ -f $2 && $(checksum "$1") == "$(checksum "$2")" ]]; }

# checksum FILE prints its SHA-256.
checksum() {
	local sum
	sum=$(sha256sum <"$1")
	printf '%s' "${sum%% *}"
}

# show_diff NEW OLD prints what a change would do.
show_diff() {
	local old=$2
	[[ -e $old ]] || old=/dev/null
	if command -v diff >/dev/null; then
		diff -u --label "$2" --label "$2 (new)" "$old" "$1" | masked || true
	fi
}

# scratch makes NEW, an empty private file in memory.
scratch() {
	rm -f "$NEW"
	NEW=$(mktemp "/run/satchel.$$.XXXXXXXX")
}

# put_secret NAME DEST MODE installs a secret that is base64 of a file.
put_secret() {
	[[ -n ${SECRET[$1]:-} ]] || die "the secret $1 is missing; give --secrets FILE (satchel secrets new makes one)"
	scratch
	base64 --decode <<<"${SECRET[$1]}" >"$NEW" || die "the secret $1 is damaged; split or make the secrets again"
	settle "$2" "$3" hidden
}

# settle DEST MODE [hidden] puts NEW in its place when it differs; it takes effect at once
# or not at all. The mode "kept" is for files of others in which we change something: they
# keep the mode and the owner that they have.
settle() {
	if same_file "$NEW" "$1" && [[ $2 == kept || $(stat -c %a "$1") == "$2" ]]; then
		rm -f "$NEW"
		return
	fi
	if [[ -n $DRY_RUN ]]; then
		[[ -n ${3:-} ]] || show_diff "$NEW" "$1"
	else
		replace "$NEW" "$1" "$2"
	fi
	rm -f "$NEW"
	changed "$1"
}

# beside PATH is where a file is made whole before it takes this name. What reads all files
# of a directory, as the kubelet does with its manifests, passes over names with a dot.
beside() { printf '%s/.%s.satchel-new' "$(dirname "$1")" "$(basename "$1")"; }

# replace SOURCE DEST MODE notes the change and makes it: a copy beside the old file takes
# its name when it is whole.
replace() {
	local new
	new=$(beside "$2")
	record_file "$2" "$(checksum "$1")"
	rm -f "$new"
	(umask 077 && cp "$1" "$new")
	if [[ $3 == kept ]]; then
		chown --reference="$2" "$new"
		chmod --reference="$2" "$new"
	else
		chmod "$3" "$new"
	fi
	on_disk "$new"
	mv -f "$new" "$2"
}

# put SOURCE DEST [MODE [CHECK...]] installs a file of the bundle with its secrets.
# CHECK is run with the new file's path as its last argument before it takes effect; a dry
# run may come before the package that brings it.
put() {
	local source=$1 dest=$2 mode=${3:-644} said
	shift $(($# > 3 ? 3 : $#))
	scratch
	fill "$source" >"$NEW"
	if (($#)) && { [[ -z $DRY_RUN ]] || command -v "$1" >/dev/null; } && ! same_file "$NEW" "$dest" && ! said=$("$@" "$NEW" 2>&1); then
		masked <<<"$said" >&2
		die "the new $dest does not pass: $*"
	fi
	settle "$dest" "$mode"
}

# put_binary SOURCE DEST [MODE] installs a file as it is.
put_binary() {
	if same_file "$1" "$2"; then return; fi
	[[ -n $DRY_RUN ]] || replace "$1" "$2" "${3:-755}"
	changed "$2"
}

# unpack ARCHIVE DIR [STRIP] unpacks a .tar.gz once; a mark remembers which. tar is not told
# of directories: those that are there keep their mode and owner, and links to them stay.
unpack() {
	local archive=$1 dir=$2 strip=${3:-0} name mark sum list
	name=$(basename "$archive")
	mark=$STATE/unpacked/$name
	sum="$(checksum "$archive") $dir"
	if [[ -f $mark && $(cat "$mark") == "$sum" ]]; then return; fi
	if [[ -z $DRY_RUN ]]; then
		list=$(tar -tzf "$archive")
		record_directories "$dir"
		record_members "$dir" "$strip" <<<"$list"
		record_file "$mark"
		due "$name"
		tar -xzf "$archive" -C "$dir" --no-same-owner --strip-components="$strip" --no-recursion -T <(grep -v '/$' <<<"$list")
		wrote_members "$dir" "$strip" <<<"$list"
		# The mark says that the rest is whole.
		on_disk -f "$dir"
		put_state "$mark" <<<"$sum"
	fi
	changed "$name"
}

# members STRIP reads the list of an archive, and prints what is in it below where it is
# unpacked.
members() {
	local path i
	while IFS= read -r path; do
		path=${path#./}
		for ((i = 0; i < $1; i++)); do
			if [[ $path == */* ]]; then path=${path#*/}; else path=''; fi
		done
		[[ $path == '' ]] || printf '%s\n' "$path"
	done
}

# record_members DIR STRIP notes what unpacking is going to change, and makes the
# directories; one that is made for the archive alone is noted as such.
record_members() {
	local path
	while IFS= read -r path; do
		case $path in
		*/) record_directories "$1/${path%/}" ;;
		*) record_file "$1/$path" ;;
		esac
	done < <(members "$2")
}

# wrote_members DIR STRIP notes the checksums of what was unpacked.
wrote_members() {
	local path lines=()
	if in_own_tree "$1"; then return; fi
	while IFS= read -r path; do
		if [[ -f $1/$path && ! -L $1/$path ]]; then lines+=("0|$STEP|wrote|$(checksum "$1/$path")|$1/$path|."); fi
	done < <(members "$2")
	append ${lines[@]+"${lines[@]}"}
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
	local was
	if systemctl is-enabled --quiet "$1" 2>/dev/null; then return; fi
	was=$(systemctl is-enabled "$1" 2>/dev/null || true)
	record enabled "${was:-absent}" "$1"
	run systemctl enable --quiet "$1"
	changed "$1:enabled"
}

# serve UNIT HOW PATH... has the unit running, and HOW (restart, reload-or-restart)
# when one of PATH was changed. With try-restart it is not started.
serve() {
	local unit=$1 how=$2
	shift 2
	if ! systemctl is-active --quiet "$unit"; then
		if [[ $how == try-restart ]]; then return; fi
		# Units of ours want this one, which systemd then keeps.
		if ! systemctl is-active --quiet network-online.target; then record active stopped network-online.target; fi
		record active stopped "$unit"
		run systemctl start "$unit"
		changed "$unit:started"
	elif is_changed "$@"; then
		record active "$how" "$unit"
		run systemctl "$how" "$unit"
	fi
}

# replaced UNIT is true when its program on the disk is no longer the one that runs, as
# after an update of the package that it comes from.
replaced() {
	local pid
	pid=$(systemctl show --property=MainPID "$1" 2>/dev/null || true)
	[[ $(readlink "/proc/${pid#MainPID=}/exe" 2>/dev/null || true) == *' (deleted)' ]]
}

# record_runtime notes where the container runtime keeps things, and record_node where
# kubeadm, the kubelet and the pods of the cluster do. It has to come before their packages,
# which bring some of that.
record_runtime() {
	if [[ " $HOST_STEPS " == *' 40-docker.sh '* ]]; then
		record_tree /var/lib/docker /var/lib/containerd /run/docker /run/containerd /opt/containerd /etc/docker
	fi
	if [[ " $HOST_STEPS " == *' 40-containerd.sh '* ]]; then
		record_tree /var/lib/containerd /run/containerd /opt/containerd /etc/cni
	fi
}
record_node() {
	record_tree /etc/kubernetes /etc/cni /opt/cni/bin /var/lib/kubelet /var/lib/cni /run/flannel /var/log/pods /var/log/containers \
		/usr/libexec/kubernetes /root/.kube/cache
}

# set_sysctl KEY VALUE sets what the kernel has otherwise; at boot a file does. To a dry run
# one that is not there comes with its module, which is not loaded yet.
set_sysctl() {
	local file=/proc/sys/${1//.//} now
	if [[ ! -e $file ]]; then
		[[ -n $DRY_RUN ]] || die "the kernel has no setting $1; a module may be missing"
		changed "sysctl:$1"
		return
	fi
	now=$(cat "$file")
	if [[ $now == "$2" ]]; then return; fi
	if [[ -z $DRY_RUN ]]; then
		# With forwarding the kernel sets this too, whatever it was.
		if [[ $1 == net.ipv4.ip_forward ]]; then keep_sysctls net.ipv4.conf.all.accept_redirects; fi
		record sysctl set "$1" "$now"
		printf '%s\n' "$2" >"$file" || die "cannot set $1 to $2"
	fi
	changed "sysctl:$1"
}

# keep_sysctls KEY... notes settings that programs of the step change by themselves.
keep_sysctls() {
	local key
	for key in "$@"; do
		if [[ -e /proc/sys/${key//.//} ]]; then record sysctl set "$key" "$(cat "/proc/sys/${key//.//}")"; fi
	done
}

# load_module NAME loads it. One that is built in has no entry in /proc/modules; its
# directory may be missing too. A kernel without modules has not even that file.
load_module() {
	if grep -qs "^$1 " /proc/modules || [[ -d /sys/module/$1 ]]; then return; fi
	record module absent "$1"
	run modprobe "$1" || die "cannot load the kernel module $1; install the kernel's extra modules"
}

read_journal "$STEP"
load_secrets
# That reset.sh had something undone is not the end of the step.
if [[ ${1:-} != undo ]]; then trap 'status=$?; rm -f "$NEW"; if ((status == 0)); then passed; fi' EXIT; fi
