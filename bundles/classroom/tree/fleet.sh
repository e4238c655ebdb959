#!/bin/bash
# Does on all hosts what install.sh and its sisters do on one, over SSH, from one of them
# or from any machine that has the bundle. Each host gets what it lacks of its part.
set -euo pipefail

usage() {
	cat <<'EOT'
Usage: ./fleet.sh keys|install|status|upgrade|reset [OPTION...]

  keys     have each host accept this user's SSH key; SSH asks for each password itself
  install  copy the bundle and run install.sh on all hosts at once
  status   run status.sh on all hosts
  upgrade  copy the bundle and run upgrade.sh on all hosts at once; they wait for each other
  reset    run reset.sh: workers at once, then control planes one by one, then the others

  --secrets DIR       the hosts' parts, NAME.secrets, as satchel secrets split makes them
  --hosts NAME,NAME   these hosts alone
  --user NAME         log in as NAME, default root; another one needs sudo without a password
  --dir DIR           where the bundle lies on the hosts, default /opt/satchel
  --jobs N            copy to N hosts at a time, default 8
  --identity FILE     SSH's key
  --known-hosts FILE  the hosts' own keys; a host whose key is not known is refused
  --yes               for reset: do it without asking

keys asks whether a host's key that is not known yet is right; the others never do. What a
host said is in fleet-NAME.log in the current directory. Ctrl-C stops; run again to go on.
EOT
}

die() { printf 'fleet.sh: %s\n' "$*" >&2; exit 1; }
wrong_usage() { printf 'fleet.sh: %s\n' "$*" >&2; usage >&2; exit 2; }

BUNDLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SECRETS='' DRY_RUN='' what='' secrets='' only='' user=root dir=/opt/satchel jobs=8 sure=''
options=(-o ConnectTimeout=10 -o ServerAliveInterval=15)
while (($#)); do
	case $1 in
	keys | install | status | upgrade | reset)
		[[ -z $what ]] || wrong_usage "one of $what and $1"
		what=$1
		;;
	--secrets | --hosts | --user | --dir | --jobs | --identity | --known-hosts)
		[[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
		case $1 in
		--secrets) secrets=$2 ;;
		--hosts) only=,$2, ;;
		--user) user=$2 ;;
		--dir) dir=$2 ;;
		--jobs) jobs=$2 ;;
		--identity) options+=(-i "$2") ;;
		--known-hosts) options+=(-o "UserKnownHostsFile=$2") ;;
		esac
		shift
		;;
	--yes) sure=1 ;;
	-h | --help) usage; exit 0 ;;
	*) wrong_usage "unknown argument: $1" ;;
	esac
	shift
done
[[ -n $what ]] || wrong_usage 'say what to do'
[[ $jobs =~ ^[1-9][0-9]*$ ]] || wrong_usage "--jobs $jobs: it is a number"
[[ $dir =~ ^/[A-Za-z0-9/_.-]+$ ]] || wrong_usage "--dir $dir: it is an absolute path of plain characters"
[[ -f $BUNDLE/SHA256SUMS ]] || die 'no SHA256SUMS beside this script; run it in an unpacked bundle (satchel unpack)'
result=$(cd "$BUNDLE" && grep -E '  (fleet|steps/bundle)\.sh$' SHA256SUMS | sha256sum --check --quiet --strict - 2>&1) ||
	die "the bundle is damaged; nothing was changed. Copy it again. sha256sum says:"$'\n'"$result"
. "$BUNDLE/steps/bundle.sh"
command -v ssh >/dev/null || die 'ssh is not installed here; install the package openssh-client'

# value NAME VARIABLE prints what a host's host.env says, without running it.
value() { sed -n "s/^$2='\(.*\)'$/\1/p" "$BUNDLE/hosts/$1/host.env"; }

chosen=()
for name in $(hosts); do
	if [[ -z $only || $only == *",$name,"* ]]; then chosen+=("$name"); fi
done
for name in $(tr ',' ' ' <<<"$only"); do
	[[ -d $BUNDLE/hosts/$name ]] || die "no host $name in this bundle; it has: $(hosts | tr '\n' ' ')"
done

sudo=''
if [[ $user != root ]]; then sudo='sudo -n '; fi
strict=(-o BatchMode=yes -o StrictHostKeyChecking=yes)

# at NAME COMMAND runs a command line on a host; its input is ours.
# shellcheck disable=SC2029 # the command line is made here
at() { ssh "${options[@]}" "${strict[@]}" "$user@$(address_of "$1")" "$sudo$2"; }

# needed NAME prints the lines of SHA256SUMS that a host has a use for.
needed() {
	local sum path files images
	files=" $(value "$1" HOST_FILES) "
	images=$(value "$1" HOST_IMAGES)
	while read -r sum path; do
		case $path in
		hosts/"$1"/*) ;;
		hosts/*) continue ;;
		images/*) [[ -n $images ]] || continue ;;
		files/* | bin/*) [[ $files == *" $path "* ]] || continue ;;
		esac
		printf '%s  %s\n' "$sum" "$path"
	done <"$BUNDLE/SHA256SUMS"
}

# copy NAME brings a host what it lacks. What is there is known by its checksum.
copy() {
	local list
	list=$(needed "$1" | at "$1" "sh -c 'mkdir -p $dir && cd $dir && cat >.needed && (sha256sum --check .needed 2>/dev/null || true) | sed -n \"s/: FAILED.*//p\"'")
	if [[ -n $list ]]; then
		say "$1: copying $(wc -l <<<"$list") files"
		tar -C "$BUNDLE" --owner=0 --group=0 -cf - --files-from=- <<<"$list" | at "$1" "tar -C $dir -xf -"
	fi
	at "$1" "sh -c 'cd $dir && sha256sum --check --quiet .needed >&2 && rm .needed && cat >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS'" <"$BUNDLE/SHA256SUMS"
}

# script NAME SCRIPT ARGUMENTS runs a script of the bundle there, with the host's secrets
# in memory alone.
script() {
	local arguments="--host $1 $3" part=/dev/null
	if [[ -n $secrets ]]; then
		part=$secrets/$1.secrets
		arguments+=' --secrets /run/satchel-secrets'
	fi
	at "$1" "bash -c 'umask 077; cat >/run/satchel-secrets; $dir/$2 $arguments; status=\$?; rm -f /run/satchel-secrets; exit \$status'" <"$part"
}

# one NAME FUNCTION ARGUMENT... runs a function for a host and says in a line how it went.
one() {
	local name=$1
	shift
	if "$@" >"fleet-$name.log" 2>&1; then
		say "$name: $(tail -n 1 "fleet-$name.log" | sed "s/^$name: //; s/^\$/ok/")"
	else
		say "$name: failed: $(tail -n 1 "fleet-$name.log"); see fleet-$name.log"
		printf '%s\n' "$name" >>"$failures"
	fi
}

failures=$(mktemp)

# end_tree PID ends a process with all that it started. Ctrl-C does not reach what runs in
# the background of a script.
end_tree() {
	local child children
	children=$(pgrep -P "$1" || true)
	kill "$1" 2>/dev/null || true
	for child in $children; do end_tree "$child"; done
}

stopped() {
	local job
	trap '' INT TERM
	for job in $(jobs -p); do end_tree "$job"; done
	say 'stopped; run the same again to go on'
	exit 130
}
trap 'rm -f "$failures"' EXIT
trap stopped INT TERM

finish() {
	wait
	if [[ -s $failures ]]; then die "not done on: $(sort "$failures" | tr '\n' ' '); mend what their logs say and run the same again"; fi
}

reachable() { at "$1" "cat /etc/machine-id" </dev/null; }

# meet asks each host for its identity, which no two may share.
meet() {
	local name twins
	for name in "${chosen[@]}"; do one "$name" reachable "$name" >/dev/null & done
	wait
	if [[ -s $failures ]]; then
		sort "$failures" | while IFS= read -r name; do say "$name: $(tail -n 1 "fleet-$name.log")"; done
		die 'these hosts cannot be reached with a key; nothing was changed. Try: ./fleet.sh keys'
	fi
	twins=$(for name in "${chosen[@]}"; do printf '%s %s\n' "$(cat "fleet-$name.log")" "$name"; done |
		awk '{names[$1] = names[$1] " " $2; n[$1]++} END {for (id in n) if (n[id] > 1) print names[id]}')
	[[ -z $twins ]] || die "these hosts have one and the same /etc/machine-id, as copies of one disk do:$twins. Remove the file on all but one and run systemd-machine-id-setup; nothing was changed"
}

copy_all() {
	local name
	for name in "${chosen[@]}"; do
		while (($(jobs -rp | wc -l) >= jobs)); do sleep 0.2; done
		one "$name" copy "$name" &
	done
	finish
}

run_all() { # SCRIPT ARGUMENTS
	local name
	for name in "${chosen[@]}"; do one "$name" script "$name" "$1" "$2" & done
	finish
}

has_role() { [[ " $(value "$1" HOST_ROLES) " == *" $2 "* ]]; }

reset_all() {
	local name
	for name in "${chosen[@]}"; do
		if has_role "$name" worker && ! has_role "$name" control-plane; then one "$name" script "$name" reset.sh --yes & fi
	done
	wait
	for name in $(printf '%s\n' "${chosen[@]}" | sort -r); do
		if has_role "$name" control-plane; then one "$name" script "$name" reset.sh --yes; fi
	done
	for name in "${chosen[@]}"; do
		if ! has_role "$name" worker && ! has_role "$name" control-plane; then one "$name" script "$name" reset.sh --yes & fi
	done
	finish
}

# give_key has a host accept the key, as ssh-copy-id does. SSH asks for the password.
give_key() {
	local key=$1 name=$2
	# shellcheck disable=SC2016 # the host fills in its own variables
	ssh "${options[@]}" -o StrictHostKeyChecking=ask "$user@$(address_of "$name")" 'umask 077; mkdir -p ~/.ssh; read -r key; grep -qxF "$key" ~/.ssh/authorized_keys 2>/dev/null || printf "%s\n" "$key" >>~/.ssh/authorized_keys' <"$key"
}

keys() {
	local key name
	command -v ssh-keygen >/dev/null || die 'ssh-keygen is not installed here; install the package openssh-client'
	key=$HOME/.ssh/id_ed25519
	for name in "${!options[@]}"; do
		if [[ ${options[name]} == -i ]]; then key=${options[name + 1]}; fi
	done
	if [[ ! -f $key ]]; then
		(umask 077 && mkdir -p "$(dirname "$key")")
		ssh-keygen -q -t ed25519 -N '' -f "$key"
		say "made the key $key"
	fi
	for name in "${chosen[@]}"; do
		if give_key "$key.pub" "$name"; then say "$name: accepts the key"; else printf '%s\n' "$name" >>"$failures"; fi
	done
	finish
}

if [[ -n $secrets && $what != keys ]]; then
	for name in "${chosen[@]}"; do
		[[ -r $secrets/$name.secrets ]] || die "no $secrets/$name.secrets; make the parts with satchel secrets split; nothing was changed"
	done
fi
case $what in
keys) keys ;;
install | upgrade)
	meet
	copy_all
	run_all "$what.sh" ''
	;;
status)
	meet
	run_all status.sh ''
	;;
reset)
	if [[ -z $sure ]]; then
		[[ -t 0 ]] || die 'say --yes where nobody can answer; nothing was changed'
		printf 'This removes the cluster from %s hosts, with its data. Type yes to go on: ' "${#chosen[@]}"
		read -r answer
		[[ $answer == yes ]] || die 'nothing was changed'
	fi
	secrets=''
	meet
	reset_all
	;;
esac
