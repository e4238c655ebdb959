#!/bin/bash
# Breaks one thing on this host or in its cluster on purpose, for practice, and brings it
# back exactly as it was. What is changed is written down before it is changed.
set -euo pipefail

usage() {
	if [[ -n ${SAYS['lesson.sh']-} ]]; then
		printf '%s\n' "${SAYS['lesson.sh']}"
		return
	fi
	cat <<'USAGE'
Usage: ./lesson.sh list
       ./lesson.sh start|check|reset NAME [--host NAME]

  list          the lessons, the chapter of the guide and the hosts for each
  start NAME    break it; only where it works
  check NAME    is it mended? Exit status 0 when it is
  reset NAME    give up, or clean up: everything as it was before

  --host NAME   this machine is NAME; default: found by host name, then by address

SATCHEL_LANGUAGE=en or zh in the environment: speak that language, not the guide's.

One lesson at a time. Records are in /var/lib/satchel/lessons until reset.
USAGE
}
wrong_usage() { printf 'lesson.sh: %s\n' "$(tell "$@")" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -f $BUNDLE/guide/facts.env ]] || { printf 'lesson.sh: no guide/facts.env beside this script; run it in an unpacked bundle\n' >&2; exit 2; }
# shellcheck source=checks/lib.sh
. "$BUNDLE/checks/lib.sh"

HOST_ARG='' words=()
while (($#)); do
	case $1 in
	--host)
		[[ -n ${2:-} ]] || wrong_usage '%s needs a value' --host
		HOST_ARG=$2
		shift
		;;
	-h | --help) usage; exit 0 ;;
	-*) wrong_usage 'unknown argument: %s' "$1" ;;
	*) words+=("$1") ;;
	esac
	shift
done
verb=${words[0]:-} lesson=${words[1]:-}
case $verb:${#words[@]} in
list:1)
	for row in ${LESSONS:-}; do
		IFS='=@' read -r name chapter where <<<"$row"
		IFS=, read -r -a hosts <<<"$where"
		printf '%-16s %-6s %s\n' "$name" "$chapter" "$(tell 'on %s' "$(either "${hosts[@]}")")"
	done
	exit
	;;
start:2 | check:2 | reset:2) ;;
*) wrong_usage 'say list, or start, check or reset with the name of a lesson' ;;
esac
is_in "$lesson" "${LESSONS:-}" || wrong_usage 'there is no lesson %s here; ./lesson.sh list prints them' "$lesson"
((EUID == 0)) || die 'needs root; run it with sudo'
recognise "$HOST_ARG"
for row in $LESSONS; do
	IFS='=@' read -r name _ where <<<"$row"
	if [[ $name == "$lesson" && ,$where, != *",$HOST_NAME,"* ]]; then
		IFS=, read -r -a hosts <<<"$where"
		die 'this lesson is for %s, and this is %s' "$(either "${hosts[@]}")" "$HOST_NAME"
	fi
done

export BUNDLE HOST_NAME
exec bash "$BUNDLE/lessons/$lesson.sh" "$verb"
