# shellcheck shell=bash
# What the lessons share. Each defines five functions and ends with `lesson "$@"`:
# prepare notes what is there, and fails where it is not well already; spoil breaks it;
# story tells what a user of the cluster sees; mended looks whether it is well; undo
# brings back what was noted.
. "$BUNDLE/checks/lib.sh"

# A lesson that has not all five cannot start.
prepare() { return 1; }
spoil() { return 1; }
story() { return 1; }
mended() { return 1; }
undo() { return 1; }

records=/var/lib/satchel/lessons
lesson=$(basename "$0" .sh)
RECORD=$records/$lesson
# note NAME writes standard input into the record, to the disk.
note() {
	cat >"$RECORD/$1.new"
	sync "$RECORD/$1.new" 2>/dev/null || sync
	mv -f "$RECORD/$1.new" "$RECORD/$1"
}
# noted NAME prints what was noted.
noted() { cat "$RECORD/$1"; }
# keep FILE copies a file with its owner, mode and time into the record.
keep() {
	cp -p "$1" "$RECORD/file.new"
	sync "$RECORD/file.new" 2>/dev/null || sync
	mv -f "$RECORD/file.new" "$RECORD/file"
}
# kept FILE is true when the file is what was kept.
kept() { [[ -f $1 && $(sha256sum <"$1") == "$(sha256sum <"$RECORD/file")" ]]; }
# give_back FILE puts the kept file in its place again, at once or not at all.
give_back() {
	cp -p "$RECORD/file" "$1.satchel-new"
	mv -f "$1.satchel-new" "$1"
}

# lesson start|check|reset
lesson() {
	case $1 in
	start) begin_lesson ;;
	check) check_lesson ;;
	reset) end_lesson ;;
	esac
}

begin_lesson() {
	mkdir -p "$records"
	exec 9>"$records.lock"
	flock -n 9 || die 'another lesson.sh is at work on this host; wait for it'
	for other in "$records"/*/; do
		[[ -d $other ]] || continue
		other=$(basename "$other")
		die 'the lesson %s is not over: ./lesson.sh check %s, then ./lesson.sh reset %s' "$other" "$other" "$other"
	done
	mkdir "$RECORD"
	if ! prepare; then
		rm -rf "$RECORD"
		die 'not started, nothing was changed: something is not well here before the lesson; ./check.sh says what'
	fi
	if ! spoil; then
		undo || die 'could not start, and could not undo; run ./lesson.sh reset %s' "$lesson"
		rm -rf "$RECORD"
		die 'could not start; everything is as it was'
	fi
	story
	say 'Mend it, then: ./lesson.sh check %s    To give up: ./lesson.sh reset %s' "$lesson" "$lesson"
}

check_lesson() {
	[[ -d $RECORD ]] || die 'the lesson %s is not started: ./lesson.sh start %s' "$lesson" "$lesson"
	if mended; then
		say 'mended. ./lesson.sh reset %s ends the lesson.' "$lesson"
	else
		say 'not mended yet'
		exit 1
	fi
}

end_lesson() {
	if [[ ! -d $RECORD ]]; then
		say 'the lesson %s is not started; nothing to do' "$lesson"
		return
	fi
	# A start that was cut off before its first change has nothing to take back.
	if [[ -f $RECORD/ready ]]; then undo; fi
	rm -rf "$RECORD"
	say 'everything is as it was before the lesson %s' "$lesson"
}
