#!/bin/bash
# Breaks one thing on this host or in its cluster on purpose, for practice, and brings it
# back exactly as it was. What is changed is written down before it is changed.
set -euo pipefail

usage() {
	cat <<'USAGE'
Usage: ./lesson.sh list
       ./lesson.sh start|check|reset NAME [--host NAME]

  list          the lessons, the chapter of the guide and the hosts for each
  start NAME    break it; only where it works
  check NAME    is it mended? Exit status 0 when it is
  reset NAME    give up, or clean up: everything as it was before

  --host NAME   this machine is NAME; default: found by host name, then by address

One lesson at a time. Records are in /var/lib/satchel/lessons until reset.
USAGE
}
say() { printf '%s\n' "$*"; }
die() { printf 'lesson.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'lesson.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -f $BUNDLE/guide/facts.env ]] || wrong_usage 'no guide/facts.env beside this script; run it in an unpacked bundle'
# shellcheck source=checks/lib.sh
. "$BUNDLE/checks/lib.sh"

HOST_ARG='' words=()
while (($#)); do
	case $1 in
	--host)
		[[ -n ${2:-} ]] || wrong_usage '--host needs a value'
		HOST_ARG=$2
		shift
		;;
	-h | --help) usage; exit 0 ;;
	-*) wrong_usage "unknown argument: $1" ;;
	*) words+=("$1") ;;
	esac
	shift
done
verb=${words[0]:-} lesson=${words[1]:-}
case $verb:${#words[@]} in
list:1)
	for row in ${LESSONS:-}; do
		IFS='=@' read -r name chapter where <<<"$row"
		printf '%-16s %-6s on %s\n' "$name" "$chapter" "${where//,/ or }"
	done
	exit
	;;
start:2 | check:2 | reset:2) ;;
*) wrong_usage 'say list, or start, check or reset with the name of a lesson' ;;
esac
is_in "$lesson" "${LESSONS:-}" || wrong_usage "there is no lesson $lesson here; ./lesson.sh list prints them"
((EUID == 0)) || die 'needs root; run it with sudo'
recognise "$HOST_ARG"
for row in $LESSONS; do
	IFS='=@' read -r name _ where <<<"$row"
	if [[ $name == "$lesson" && ,$where, != *",$HOST_NAME,"* ]]; then
		die "this lesson is for ${where//,/ or }, and this is $HOST_NAME"
	fi
done

records=/var/lib/satchel/lessons
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

# Each lesson has four functions: story tells what a user of the cluster sees, spoil
# breaks it, mended looks whether it is well, undo brings it back.
# shellcheck source=/dev/null
. "$BUNDLE/lessons/$lesson.sh"

case $verb in
start)
	mkdir -p "$records"
	exec 9>"$records.lock"
	flock -n 9 || die 'another lesson.sh is at work on this host; wait for it'
	for other in "$records"/*/; do
		[[ -d $other ]] || continue
		other=$(basename "$other")
		die "the lesson $other is not over: ./lesson.sh check $other, then ./lesson.sh reset $other"
	done
	mkdir "$RECORD"
	if ! prepare; then
		rm -rf "$RECORD"
		die "not started, nothing was changed: something is not well here before the lesson; ./check.sh says what"
	fi
	if ! spoil; then
		undo || die "could not start, and could not undo; run ./lesson.sh reset $lesson"
		rm -rf "$RECORD"
		die 'could not start; everything is as it was'
	fi
	story
	say "Mend it, then: ./lesson.sh check $lesson    To give up: ./lesson.sh reset $lesson"
	;;
check)
	[[ -d $RECORD ]] || die "the lesson $lesson is not started: ./lesson.sh start $lesson"
	if mended; then
		say "mended. ./lesson.sh reset $lesson ends the lesson."
	else
		say 'not mended yet'
		exit 1
	fi
	;;
reset)
	if [[ ! -d $RECORD ]]; then
		say "the lesson $lesson is not started; nothing to do"
		exit
	fi
	# A start that was cut off before its first change has nothing to take back.
	if [[ -f $RECORD/ready ]]; then undo; fi
	rm -rf "$RECORD"
	say "everything is as it was before the lesson $lesson"
	;;
esac
