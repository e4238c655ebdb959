#!/bin/bash
# Takes back what install.sh did on this host, exactly that, in reverse order, also after
# an install that did not come to its end. It can be interrupted and run again.
set -euo pipefail

usage() {
	cat <<'EOT'
Usage: ./reset.sh [--host NAME] [--yes] [--dry-run]

  --host NAME  this machine is NAME; default: as it was installed
  --yes        do it without asking; otherwise type the host's name when asked
  --dry-run    print what would be taken back, change nothing

All that the cluster keeps on this host is lost: pods, images, and etcd's data on a
control plane. Where the cluster lives on, move the pods away first, on a control
plane: ./cluster.sh remove NAME. Files that have been edited since are not lost: they
are kept below /var/lib/satchel-kept. The log stays, in /var/log/satchel.
EOT
}

die() { printf 'reset.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'reset.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SECRETS='' DRY_RUN='' host='' sure=''
while (($#)); do
	case $1 in
	--host)
		[[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
		host=$2
		shift
		;;
	--yes) sure=1 ;;
	--dry-run) DRY_RUN=1 ;;
	-h | --help) usage; exit 0 ;;
	*) wrong_usage "unknown argument: $1" ;;
	esac
	shift
done
[[ -f $BUNDLE/SHA256SUMS ]] || die 'no SHA256SUMS beside this script; run it in an unpacked bundle (satchel unpack)'
result=$(cd "$BUNDLE" && grep -E '  (reset|steps/bundle)\.sh$' SHA256SUMS | sha256sum --check --quiet --strict - 2>&1) ||
	die "the bundle is damaged; nothing was changed. Copy it again. sha256sum says:"$'\n'"$result"
. "$BUNDLE/steps/bundle.sh"
if [[ -z $host && -f /var/lib/satchel/host ]]; then host=$(cat /var/lib/satchel/host); fi
choose_host "$host"
owner=$(cat /var/lib/satchel/cluster 2>/dev/null || true)
[[ -z $owner || $owner == "$CLUSTER_NAME" ]] || die "this host belongs to the cluster $owner, and this bundle is of $CLUSTER_NAME; reset it with the bundle of $owner"
begin_changes
if [[ ! -e /var/lib/satchel/journal/log ]]; then
	# What an install has that was cut off before its first change, or a reset after its last.
	if [[ -z $DRY_RUN ]]; then rm -rf /var/lib/satchel; fi
	say "$HOST_NAME: nothing to take back: no bundle was installed here"
	exit
fi
# shellcheck source=steps/undo.sh
. "$BUNDLE/steps/undo.sh"

mapfile -t numbers < <(printf '%s\n' ${ENTRIES[@]+"${!ENTRIES[@]}"} | sort -rn)

plan() {
	local number of kind was what
	for number in "${numbers[@]}"; do
		if [[ -z $number ]]; then continue; fi
		IFS='|' read -r of kind was what <<<"${ENTRIES[$number]}"
		case $kind:$was in
		file:absent) say "would remove $what" ;;
		file:*) say "would bring back $what" ;;
		dir:* | tree:absent) say "would remove the directory $what" ;;
		tree:empty) say "would empty the directory $what" ;;
		tree:*) say "would leave $what, which had something before" ;;
		enabled:*) say "would have $what at boot as before: $was" ;;
		active:stopped) say "would stop $what" ;;
		active:*) say "would $was $what" ;;
		sysctl:*) say "would set $what to $(cat "$JOURNAL/former/$number")" ;;
		module:*) say "would unload the kernel module $what" ;;
		group:*) say "would remove the group $what" ;;
		own:*) say "would undo of $of: $what" ;;
		esac
	done
	say "$HOST_NAME: ${#ENTRIES[@]} to take back"
}
if [[ -n $DRY_RUN ]]; then
	plan
	exit
fi

if [[ -z $sure ]]; then
	[[ -t 0 ]] || die 'say --yes where nobody can answer; nothing was changed'
	printf 'This removes the cluster %s from this host, with its data. Type %s to go on: ' "$CLUSTER_NAME" "$HOST_NAME"
	read -r answer
	[[ $answer == "$HOST_NAME" ]] || die 'that is another name; nothing was changed'
fi

# remove_home removes what is ours, and the log after the rest: while that is there, a reset
# that is cut off is not over.
remove_home() {
	find "$STATE" -mindepth 1 ! -path "$JOURNAL" ! -path "$JOURNAL/log" ! -path "$STATE/cluster" ! -path "$STATE/host" -delete
	on_disk -f "$STATE"
	rm -f "$JOURNAL/log"
	rm -rf "$STATE"
}

take_back() {
	local number of kind was what
	for number in "${numbers[@]}"; do
		if [[ -z $number ]]; then continue; fi
		IFS='|' read -r of kind was what <<<"${ENTRIES[$number]}"
		say "undo $of: $kind $what"
		undo_change "$number"
	done
	restart_units
	if ((${#FAILED[@]})); then
		printf 'could not be undone on %s; mend what it says above and run reset.sh again:\n' "$HOST_NAME" >&2
		printf '  - %s\n' "${FAILED[@]}" >&2
		exit 1
	fi
	remove_home
	say "$HOST_NAME: as it was before the install"
}
logged take_back
