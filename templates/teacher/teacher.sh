#!/bin/bash
# Asks the hosts of all seats how they are, with each seat's own fleet.sh, and writes the
# teacher's page with the answers. The hosts are only looked at.
set -euo pipefail

usage() {
	cat <<'USAGE'
Usage: teacher/teacher.sh [--seats DIR] [-o FILE] [--jobs N] [-- OPTION...]

  --seats DIR  where the seats are unpacked, seat01 and so on; default: here
  -o FILE      the page that is written; default: KIT.html
  --jobs N     ask N hosts at a time, default 16
  OPTION...    for fleet.sh, such as --user NAME or --identity FILE

What the hosts said is kept in KIT-status/NN/. Exit status: 0 when all hosts of all seats
are well, 1 when one is not or does not answer, 2 wrong usage.
USAGE
}
die() { printf 'teacher.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'teacher.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

OWN=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -f $OWN/facts.env && -f $OWN/index.html ]] || die 'facts.env and index.html are not beside this script; take the whole directory out of the kit: tar -xf KIT.tar teacher'
# shellcheck source=/dev/null
. "$OWN/facts.env"

dir=. page=$KIT.html jobs=16
while (($#)); do
	case $1 in
	--seats | -o | --jobs)
		[[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
		case $1 in
		--seats) dir=$2 ;;
		-o) page=$2 ;;
		--jobs) jobs=$2 ;;
		esac
		shift
		;;
	--)
		shift
		break
		;;
	-h | --help) usage; exit 0 ;;
	*) wrong_usage "unknown argument: $1" ;;
	esac
	shift
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || wrong_usage "--jobs $jobs: it is a number"
for seat in $SEATS; do
	[[ -x $dir/seat${seat%%=*}/fleet.sh ]] || die "there is no $dir/seat${seat%%=*}/fleet.sh; unpack the seat there: satchel unpack $KIT.tar -o $dir/seat${seat%%=*} --seat ${seat%%=*}"
done
[[ ! $page -ef $OWN/index.html ]] || die "-o $page: that is the page without answers, which is needed again; name another file"
dir=$(cd "$dir" && pwd)
status=$(mkdir -p "$KIT-status" && cd "$KIT-status" && pwd)

# ask NN NAME OPTION... has one host say how it is: a line in NN/NAME.said, and a file
# NN/NAME.well when it is.
ask() {
	local nn=$1 name=$2 said
	shift 2
	mkdir -p "$status/$nn"
	cd "$status/$nn"
	rm -f "$name.well"
	if said=$("$dir/seat$nn/fleet.sh" status --hosts "$name" "$@" 2>&1 </dev/null); then
		: >"$name.well"
	fi
	# The last line about the host is what it said; fleet.sh itself may have said more.
	if [[ $said == *"$name: "* ]]; then said=$(grep "^$name: " <<<"$said" | tail -n 1); fi
	said=${said##*$'\n'}
	printf '%s\n' "${said#"$name: "}" >"$name.said"
}
for host in $HOSTS; do
	while (($(jobs -rp | wc -l) >= jobs)); do sleep 0.1; done
	ask "${host%%/*}" "${host#*/}" "$@" &
done
wait

case $GUIDE_LANGUAGE in
zh) title='当前状态' counted=('共' '个座位，' '个一切正常；查询时间' '。') columns='座位 集群 状态 主机 回答' well='正常' ill='有问题' ;;
*) title='The state now' counted=(Of seats 'are well; asked at' .) columns='seat cluster state host answer' well='well' ill='not well' ;;
esac

# plain TEXT prints it as text of a page. & is first, as it is in what replaces the others.
plain() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g' <<<"$1"; }

# rows prints a row for each host; a seat's name is in its first.
rows() {
	local seat host nn first state class
	for seat in $SEATS; do
		nn=${seat%%=*} first=$nn
		for host in $HOSTS; do
			[[ ${host%%/*} == "$nn" ]] || continue
			host=${host#*/} state=$ill class=ill
			if [[ -e $status/$nn/$host.well ]]; then state=$well class=well; fi
			printf '<tr><td>%s</td><td>%s</td><td class="%s">%s</td><td>%s</td><td>%s</td></tr>\n' \
				"$first" "${first:+${seat#*=}}" "$class" "$state" "$host" "$(plain "$(cat "$status/$nn/$host.said")")"
			first=''
		done
	done
}

total=0 good=0
for seat in $SEATS; do
	total=$((total + 1)) fine=1
	for host in $HOSTS; do
		if [[ ${host%%/*} == "${seat%%=*}" && ! -e $status/$host.well ]]; then fine=''; fi
	done
	if [[ -n $fine ]]; then good=$((good + 1)); fi
done
{
	printf '<h2 id="state">%s</h2>\n<p>%s %s %s %s %s %s%s</p>\n' "$title" "${counted[0]}" "$total" "${counted[1]}" "$good" "${counted[2]}" "$(date '+%Y-%m-%d %H:%M')" "${counted[3]}"
	printf '<div class="wide"><table>\n<thead>\n<tr>'
	for column in $columns; do printf '<th>%s</th>' "$column"; done
	printf '</tr>\n</thead>\n<tbody>\n'
	rows
	printf '</tbody>\n</table></div>\n'
} >"$status/state.html"
# It comes before the first chapter of the page.
awk -v state="$status/state.html" '/^<h2 / && !done {while ((getline line <state) > 0) print line; done = 1} {print}' "$OWN/index.html" >"$page.new"
mv -f "$page.new" "$page"
printf '%s: %s of %s seats are well\n' "$page" "$good" "$total"
((good == total))
