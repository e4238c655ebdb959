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

export BUNDLE HOST_NAME
exec bash "$BUNDLE/lessons/$lesson.sh" "$verb"
