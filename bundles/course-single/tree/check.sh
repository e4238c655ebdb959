#!/bin/bash
# Checks what the chapters of the guide are about, on the host where it is run. It only
# looks: nothing is changed.
set -euo pipefail

usage() {
	if [[ -n ${SAYS['check.sh']-} ]]; then
		printf '%s\n' "${SAYS['check.sh']}"
		return
	fi
	cat <<'USAGE'
Usage: ./check.sh [--host NAME] [--format text|json] [--list] [CHAPTER|CHECK...]

  CHAPTER         a chapter of the guide, such as 1.2.2
  CHECK           the name of a check, such as failover
                  without either: every check of the guide
  --host NAME     this machine is NAME; default: found by host name, then by address
  --format json   print one JSON object
  --list          print the chapters with their checks

SATCHEL_LANGUAGE=en or zh in the environment: speak that language, not the guide's.

Exit status: 0 when nothing that could be checked here is wrong, 1 when something is,
2 wrong usage. A check that belongs on other hosts says on which and counts as skipped.
USAGE
}
wrong_usage() { printf 'check.sh: %s\n' "$(tell "$@")" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -f $BUNDLE/guide/facts.env ]] || { printf 'check.sh: no guide/facts.env beside this script; run it in an unpacked bundle\n' >&2; exit 2; }
# shellcheck source=checks/lib.sh
. "$BUNDLE/checks/lib.sh"

format=text list='' HOST_ARG='' wanted=()
while (($#)); do
	case $1 in
	--host | --format)
		[[ -n ${2:-} ]] || wrong_usage '%s needs a value' "$1"
		case $1 in
		--host) HOST_ARG=$2 ;;
		--format) format=$2 ;;
		esac
		shift
		;;
	--list) list=1 ;;
	-h | --help) usage; exit 0 ;;
	-*) wrong_usage 'unknown argument: %s' "$1" ;;
	*) wanted+=("$1") ;;
	esac
	shift
done
case $format in
text | json) ;;
*) wrong_usage '--format is text or json, not %s' "$format" ;;
esac

read -r -a chapters <<<"${CHAPTERS:-}"
if [[ -n $list ]]; then
	for chapter in "${chapters[@]}"; do printf '%s %s\n' "${chapter%%=*}" "${chapter#*=}"; done
	exit
fi

# The checks to make, each once and in the order of the chapters.
declare -A chosen=() known=()
for chapter in "${chapters[@]}"; do known[${chapter%%=*}]=1 known[${chapter#*=}]=1; done
for name in ${wanted[@]+"${wanted[@]}"}; do
	[[ -n ${known[$name]:-} ]] || wrong_usage 'there is no chapter or check %s in this guide; ./check.sh --list prints them' "$name"
	chosen[$name]=1
done
checks=()
for chapter in "${chapters[@]}"; do
	check=${chapter#*=}
	[[ " ${checks[*]-} " != *" $check "* ]] || continue
	if ((${#wanted[@]} == 0)); then
		checks+=("$check")
		continue
	fi
	for other in "${chapters[@]}"; do
		if [[ ${other#*=} == "$check" ]] && [[ -n ${chosen[${other%%=*}]:-}${chosen[$check]:-} ]]; then
			checks+=("$check")
			break
		fi
	done
done

recognise "$HOST_ARG"
export BUNDLE HOST_NAME

failed=0 objects=()
for check in "${checks[@]}"; do
	[[ $format == json ]] || printf '%s\n' "--- $check"
	said=$(bash "$BUNDLE/checks/$check.sh" 2>&1) || {
		# A check that ends by itself says why on its last line.
		[[ $said == *$'FAIL\t'* ]] || said+=$'\n'$(wrong 'the check itself ended early')
	}
	while IFS=$'\t' read -r result text; do
		[[ -n $result ]] || continue
		# What a program printed beside the results belongs to the one that failed.
		[[ -n $text ]] || text=$result result=note
		if [[ $result == FAIL ]]; then failed=1; fi
		if [[ $format == json ]]; then
			objects+=("{\"check\":$(json "$check"),\"result\":$(json "${result,,}"),\"text\":$(json "$text")}")
		else
			printf '%-4s %s\n' "$result" "$text"
		fi
	done <<<"$said"
done
if [[ $format == json ]]; then
	good=true
	if ((failed)); then good=false; fi
	printf '{"cluster":%s,"host":%s,"ok":%s,"checks":[' "$(json "$CLUSTER")" "$(json "$HOST_NAME")" "$good"
	comma=''
	for object in ${objects[@]+"${objects[@]}"}; do
		printf '%s%s' "$comma" "$object"
		comma=,
	done
	printf ']}\n'
fi
exit "$failed"
