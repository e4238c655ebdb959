# shellcheck shell=bash
# How each kind of change that the journal has is taken back. reset.sh reads this, and
# goes through the journal from its end. Every function may be called again:
# what is as it was stays untouched. What somebody else has changed since is told, and
# what would be lost is kept below this directory.
. "$BUNDLE/steps/lib.sh"

FAILED=()  # what could not be undone
RESTART=() # changes of units that ran before, for when their files are back

# undo_change NUMBER takes one change back and notes that, or that it failed.
undo_change() {
	local of kind was what status=0
	IFS='|' read -r of kind was what <<<"${ENTRIES[$1]}"
	if [[ $kind == active && $was != stopped ]]; then
		RESTART+=("$1")
		return
	fi
	# In a condition bash would go on after an error.
	set +e
	(set -e && undo_kind "$1" "$of" "$kind" "$was" "$what")
	status=$?
	set -e
	if ((status == 0)); then undone "$1"; else FAILED+=("$of: $kind $what"); fi
}

# undo_kind NUMBER STEP KIND WAS WHAT takes it back.
undo_kind() {
	local number=$1 of=$2 kind=$3 was=$4 what=$5
	case $kind in
	file) undo_file "$number" "$was" "$what" ;;
	dir) undo_directory "$what" ;;
	tree) undo_tree "$was" "$what" "$number" ;;
	enabled) undo_enabled "$was" "$what" ;;
	active) undo_started "$what" ;;
	sysctl) undo_sysctl "$number" "$what" ;;
	module) undo_module "$what" ;;
	group) undo_group "$number" "$what" ;;
	own) undo_own "$of" "$what" "$JOURNAL/former/$number" ;;
	esac
}

# undone NUMBER notes that a change is taken back.
undone() {
	# Where there is no room for that, it is done again if this reset is cut off.
	add_lines "0|reset|undone|-|$1|." 2>/dev/null || tell "cannot write to $JOURNAL/log; is the disk full?"
	forget "$1"
}

# is_ours PATH NUMBER is true when a file is what we wrote, or what was there before.
is_ours() {
	local sum
	[[ ! -L $1 ]] || return 0
	[[ -n ${WROTE[$1]:-} ]] || return 0
	sum=$(checksum "$1")
	[[ " ${WROTE[$1]} " == *" $sum "* ]] && return 0
	[[ -f $JOURNAL/former/$2 && $(checksum "$JOURNAL/former/$2") == "$sum" ]]
}

# undo_file NUMBER WAS PATH brings back what the file was.
undo_file() {
	local former=$JOURNAL/former/$1 new
	new=$(beside "$3")
	rm -f "$new"
	if [[ -f $3 ]] && ! is_ours "$3" "$1"; then
		scratch
		if has_ours "$3" && without_ours "$3" >"$NEW"; then
			(umask 077 && cp "$NEW" "$new")
			rm -f "$NEW"
			chown --reference="$3" "$new"
			chmod --reference="$3" "$new"
			on_disk "$new"
			mv -f "$new" "$3"
			tell "$3 has been edited since; our lines are out of it, and the others stay"
			return
		fi
		rm -f "$NEW"
		keep_edited "$3" "$3"
	fi
	case $2 in
	absent) rm -f "$3" ;;
	link)
		rm -f "$3"
		cp -a "$former" "$3"
		;;
	*)
		mkdir -p "$(dirname "$3")"
		cp -a "$former" "$new"
		chmod "$2" "$new"
		on_disk "$new"
		mv -f "$new" "$3"
		;;
	esac
}

# has_ours FILE is true when it has lines of ours among others.
has_ours() { grep -q -e '^# BEGIN satchel ' -e '^# satchel: the kubelet needs swap off: ' "$1"; }

# without_ours FILE prints it without those lines, and with what they replaced. It fails
# where nothing says how far our lines go.
without_ours() {
	local line inside=''
	while IFS= read -r line || [[ -n $line ]]; do
		case $line in
		'# BEGIN satchel '*)
			[[ -z $inside ]] || return 1
			inside=1
			;;
		'# END satchel '*) inside='' ;;
		*) [[ -n $inside ]] || printf '%s\n' "${line#"# satchel: the kubelet needs swap off: "}" ;;
		esac
	done <"$1"
	[[ -z $inside ]]
}

undo_directory() {
	if [[ -d $1 ]] && ! rmdir "$1" 2>/dev/null; then
		tell "the directory $1 stays: it has what satchel did not make"
	fi
}

# undo_tree WAS DIR NUMBER removes what programs kept there, with what is mounted below.
undo_tree() {
	local mounted
	if [[ ! -d $2 ]]; then return; fi
	if [[ $1 == kept ]]; then
		tell "$2 stays: it had something before the cluster came"
		return
	fi
	awk -v below="$2/" 'index($2, below) == 1 {print $2}' /proc/self/mounts | sort -r | while IFS= read -r mounted; do
		umount "$(printf '%b' "$mounted")" 2>/dev/null || umount --lazy "$(printf '%b' "$mounted")"
	done
	if [[ $1 == empty ]]; then
		find "$2" -mindepth 1 -delete
		chmod "$(cat "$JOURNAL/former/$3")" "$2"
	else
		rm -rf --one-file-system "$2"
	fi
}

# undo_group NUMBER GROUP removes it. Tables that are as before then get their time back.
undo_group() {
	local sum when table
	if getent group "$2" >/dev/null; then groupdel "$2"; fi
	if [[ ! -f $JOURNAL/former/$1 ]]; then return; fi
	while read -r sum when table; do
		if [[ -f $table && $(checksum "$table") == "$sum" ]]; then touch --date="@$when" "$table"; fi
	done <"$JOURNAL/former/$1"
}

undo_enabled() {
	case $1 in
	enabled) systemctl enable --quiet "$2" ;;
	enabled-runtime) systemctl enable --quiet --runtime "$2" ;;
	*) if systemctl is-enabled --quiet "$2" 2>/dev/null; then systemctl disable --quiet "$2"; fi ;;
	esac
}

undo_started() {
	systemctl stop "$1" 2>/dev/null || true
	if systemctl is-active --quiet "$1"; then
		printf '%s does not stop; see journalctl -u %s\n' "$1" "$1" >&2
		return 1
	fi
	systemctl reset-failed "$1" 2>/dev/null || true
}

# restart_units has units that ran before run with what they had then.
restart_units() {
	local number of kind was what
	systemctl daemon-reload
	for number in ${RESTART[@]+"${RESTART[@]}"}; do
		IFS='|' read -r of kind was what <<<"${ENTRIES[$number]}"
		if systemctl "$was" "$what"; then
			undone "$number"
		else
			FAILED+=("$was of $what")
		fi
	done
}

undo_sysctl() {
	local file=/proc/sys/${2//.//}
	if [[ -e $file ]] && ! cat "$JOURNAL/former/$1" >"$file" 2>/dev/null; then
		tell "the kernel does not take $2 back; the next boot does"
	fi
}

undo_module() {
	if grep -qs "^$1 " /proc/modules && ! modprobe -r "$1" 2>/dev/null; then
		tell "the kernel module $1 is in use by something else and stays until the next boot"
	fi
}

# undo_own STEP WHAT FORMER has the step itself undo what it noted.
undo_own() {
	if [[ ! -f $BUNDLE/steps/$1.sh ]]; then
		printf 'this bundle has no step %s, which did this: %s; reset with the bundle that was installed\n' "$1" "$2" >&2
		return 1
	fi
	bash "$BUNDLE/steps/$1.sh" undo "$2" "$3"
}
