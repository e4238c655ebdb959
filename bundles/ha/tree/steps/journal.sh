# shellcheck shell=bash
# The journal: what was there before each change. A change is noted, and the note is on
# the disk, before it is made, so that reset.sh finds all of them however a run ended.
#
# Each line of the file log is NUMBER|STEP|KIND|WAS|WHAT|. where the point says that the
# line is whole. Only the state before the first change of something is noted: that is
# where reset.sh goes back to. What a file or a setting held is in former/NUMBER, which
# root alone can read; a file that was absent has nothing there, so no secret that we
# write is ever copied. Lines with the number 0 say what was done:
#   wrote  WHAT has the checksum WAS from now on, by us
#   passed the step came to its end
#   undone the change WHAT was taken back
STATE=/var/lib/satchel
JOURNAL=$STATE/journal
LAST=0                # the number of the last change
declare -A RECORDED=() # by KIND and WHAT, the number of a change that was not taken back
declare -A ENTRIES=()  # by number, STEP|KIND|WAS|WHAT
declare -A WROTE=()    # by path, all checksums that are ours
DUE=' '                # what an earlier run of this step changed before it was cut off

# read_journal [STEP] reads the log. A line that was cut off counts as not written:
# its change was not made.
read_journal() {
	local number of kind was what
	[[ -f $JOURNAL/log ]] || return 0
	while IFS='|' read -r number of kind was what; do
		[[ $what == *'|.' ]] || continue
		what=${what%|.}
		case $kind in
		wrote)
			WROTE[$what]+=" $was"
			if [[ $of == "${1:-}" ]]; then DUE+="$what "; fi
			;;
		passed) if [[ $of == "${1:-}" ]]; then DUE=' '; fi ;;
		undone) forget "$what" ;;
		*)
			ENTRIES[$number]="$of|$kind|$was|$what"
			RECORDED["$kind $what"]=$number
			if ((number > LAST)); then LAST=$number; fi
			;;
		esac
	done <"$JOURNAL/log"
}

# forget NUMBER: the change is taken back; the next one of the same thing counts anew.
forget() {
	local of kind was what
	IFS='|' read -r of kind was what <<<"${ENTRIES[$1]:-}"
	unset "ENTRIES[$1]"
	[[ $kind != '' ]] || return 0
	# Quoted so that the shell itself puts the names in, where a backslash is only that.
	unset 'RECORDED[$kind $what]'
	if [[ $kind == file ]]; then unset 'WROTE[$what]'; fi
}

# on_disk FILE... waits until the files would survive a power cut; `on_disk -f DIR` does for
# all that is on the file system of a directory.
on_disk() { sync "$@" 2>/dev/null || sync; }

# make_home makes our own directory. A registry without rights reads the bundle in it.
make_home() { mkdir -p "$STATE" && chmod 755 "$STATE"; }

# make_journal makes what root alone can read.
make_journal() {
	if [[ -d $JOURNAL/former ]]; then return; fi
	make_home && (umask 077 && mkdir -p "$JOURNAL/former")
}

# put_state FILE writes what comes in: a power cut leaves the old text or the new one, and
# after the end the new one.
put_state() {
	make_home
	cat >"$1.new"
	on_disk "$1.new"
	mv -f "$1.new" "$1"
	on_disk "$(dirname "$1")"
}

# append LINE... adds lines to the log, before what they are about is changed.
append() {
	(($#)) || return 0
	add_lines "$@" ||
		die "cannot write to $JOURNAL/log, and what is not noted there is not changed; is the disk full? Make room (df $STATE), and run install.sh again, or reset.sh"
}

# add_lines LINE... adds them behind one that was cut off if there is one.
add_lines() {
	make_journal && (
		umask 077
		if [[ -s $JOURNAL/log && $(tail -c 1 "$JOURNAL/log") != '' ]]; then set -- '' "$@"; fi
		printf '%s\n' "$@" >>"$JOURNAL/log"
	) && on_disk "$JOURNAL/log"
}

# due WHAT notes that WHAT is about to be changed, for is_changed in a run after this one
# if this one is cut off.
due() { if [[ -z $DRY_RUN ]]; then append "0|$STEP|wrote|-|$1|."; fi; }

# record KIND WAS WHAT [FORMER] notes the state of something before its first change, with
# FORMER as what it held.
record() {
	if [[ -n $DRY_RUN || -n ${RECORDED["$1 $3"]:-} ]]; then return 0; fi
	LAST=$((LAST + 1))
	if [[ -n ${4:-} ]]; then
		make_journal
		(umask 077 && printf '%s\n' "$4" >"$JOURNAL/former/$LAST")
		on_disk "$JOURNAL/former/$LAST"
	fi
	append "$LAST|$STEP|$1|$2|$3|."
	RECORDED["$1 $3"]=$LAST
	ENTRIES[$LAST]="$STEP|$1|$2|$3"
}

# record_own WHAT [FORMER] notes something that the step's own undo takes back. It is told
# WHAT, and the file with what FORMER said.
record_own() { record own - "$1" "${2:-}"; }

# record_group GROUP notes one that is about to be made, and the tables that it goes into:
# CHECKSUM TIME TABLE of each. The copies of them are what groupdel does not bring back.
record_group() {
	local table tables=''
	for table in /etc/group /etc/gshadow; do
		record_file "$table-"
		if [[ -f $table ]]; then tables+="$(checksum "$table") $(stat -c %Y "$table") $table"$'\n'; fi
	done
	record group absent "$1" "${tables%$'\n'}"
}

# record_containers notes those that containers prints, before any is of the cluster: they
# are somebody's, and stay.
record_containers() {
	local former
	if [[ -n $DRY_RUN || -n ${RECORDED["own containers"]:-} ]]; then return; fi
	former=$(containers)
	record_own containers "$former"
}

# record_file PATH [CHECKSUM] notes a file, and what it is going to be.
record_file() {
	local was=absent former=$JOURNAL/former/$((LAST + 1))
	[[ -z $DRY_RUN ]] || return 0
	if in_own_tree "$1"; then
		mkdir -p "$(dirname "$1")"
	elif [[ -z ${RECORDED["file $1"]:-} ]]; then
		record_directories "$(dirname "$1")"
		if [[ -e $1 || -L $1 ]]; then
			former=$JOURNAL/former/$((LAST + 1))
			make_journal
			rm -rf "$former"
			was='link'
			if [[ ! -L $1 ]]; then was=$(stat -c %a "$1"); fi
			(umask 077 && cp -a "$1" "$former")
			if [[ ! -L $1 ]]; then
				chmod 600 "$former"
				on_disk "$former"
			fi
		fi
		record file "$was" "$1"
	fi
	if [[ -n ${2:-} ]]; then
		append "0|$STEP|wrote|$2|$1|."
		WROTE[$1]+=" $2"
	fi
}

# record_directories DIR notes each part of the path that is not there, and makes it.
record_directories() {
	local path=$1 parts=()
	[[ -z $DRY_RUN ]] || return 0
	while [[ ! -e $path && ! -L $path ]]; do
		parts=("$path" ${parts[@]+"${parts[@]}"})
		path=$(dirname "$path")
	done
	for path in ${parts[@]+"${parts[@]}"}; do
		# Our own home goes as a whole when all else is undone.
		if [[ $path/ != "$STATE"/* ]] && ! in_own_tree "$path"; then record dir absent "$path"; fi
		mkdir "$path"
	done
}

# record_tree DIR... notes directories in which programs keep things that we start. Those
# that have something already are somebody's, and stay.
record_tree() {
	local dir was mode
	[[ -z $DRY_RUN ]] || return 0
	for dir in "$@"; do
		record_directories "$(dirname "$dir")"
		was=absent mode=''
		if [[ -d $dir ]]; then
			was=kept
			mode=$(stat -c %a "$dir")
			if [[ -z $(find "$dir" -mindepth 1 -maxdepth 1 -print -quit) ]]; then was=empty; fi
		fi
		record tree "$was" "$dir" "$mode"
	done
}

# in_own_tree PATH is true when it is in, or is, a directory that is removed as a whole.
in_own_tree() {
	local path=$1 was
	while [[ $path == /?* ]]; do
		was=${ENTRIES[${RECORDED["tree $path"]:-none}]:-}
		case $was in
		*'|tree|absent|'* | *'|tree|empty|'*) return 0 ;;
		esac
		path=${path%/*}
	done
	return 1
}

# passed notes the end of a step that changed something.
passed() {
	if [[ -z $DRY_RUN && ($CHANGED != ' ' || $DUE != ' ') ]]; then append "0|$STEP|passed|-|-|."; fi
}
