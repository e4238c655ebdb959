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
  --ssh-config FILE   SSH's configuration, such as Port and ProxyJump, by the hosts' addresses;
                      default: ~/.ssh/config
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
	--secrets | --hosts | --user | --dir | --jobs | --identity | --known-hosts | --ssh-config)
		[[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
		case $1 in
		--secrets) secrets=$2 ;;
		--hosts) only=,$2, ;;
		--user) user=$2 ;;
		--dir) dir=$2 ;;
		--jobs) jobs=$2 ;;
		--identity) options+=(-i "$2") ;;
		--known-hosts) options+=(-o "UserKnownHostsFile=$2") ;;
		--ssh-config)
			[[ -r $2 ]] || die "cannot read $2, which --ssh-config names"
			options+=(-F "$2")
			;;
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
if [[ $user != root ]]; then sudo='env LC_ALL=C sudo -n '; fi
# A greeting before the login would stand in the logs after what the host said.
strict=(-o BatchMode=yes -o StrictHostKeyChecking=yes -o LogLevel=ERROR)

# at NAME COMMAND runs a command line on a host; its input is ours.
# shellcheck disable=SC2029 # the command line is made here
at() { ssh "${options[@]}" "${strict[@]}" "$user@$(address_of "$1")" "$sudo$2"; }

# needed NAME prints the lines of SHA256SUMS that a host has a use for.
needed() {
	local sum path files images packages
	files=" $(value "$1" HOST_FILES) "
	images=$(value "$1" HOST_IMAGES)
	packages=$(value "$1" PACKAGES_CARRIED)
	while read -r sum path; do
		case $path in
		hosts/"$1"/*) ;;
		hosts/*) continue ;;
		images/*) [[ -n $images ]] || continue ;;
		packages/*)
			# shellcheck disable=SC2053 # it is a pattern
			[[ $path == $packages ]] || continue
			;;
		files/* | bin/*) [[ $files == *" $path "* ]] || continue ;;
		esac
		printf '%s  %s\n' "$sum" "$path"
	done <"$BUNDLE/SHA256SUMS"
}

# copy NAME brings a host what it lacks. What is there is known by its checksum; what
# sha256sum says of it is in the host's language otherwise.
copy() {
	local list count=0
	list=$(needed "$1" | at "$1" "sh -c 'mkdir -p $dir && cd $dir && cat >.needed && (LC_ALL=C sha256sum --check .needed 2>/dev/null || true) | sed -n \"s/: FAILED.*/ is lacking/p\"'") || return 1
	list=$(sed -n 's/ is lacking$//p' <<<"$list")
	if [[ -n $list ]]; then
		count=$(wc -l <<<"$list")
		say "$1: copying $count files"
		tar -C "$BUNDLE" --owner=0 --group=0 -cf - --files-from=- <<<"$list" | at "$1" "tar -C $dir -xf -" || return 1
	fi
	at "$1" "sh -c 'cd $dir && sha256sum --check --quiet .needed >&2 && rm .needed && cat >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS'" <"$BUNDLE/SHA256SUMS" || return 1
	if ((count)); then say "$1: copied $count files"; else say "$1: nothing to copy"; fi
}

# attended is what runs a script on a host: attended SECRETS PATIENT SCRIPT ARGUMENT... reads
# the secrets up to a line with a dot into a file of this run alone, and then a line every
# few seconds. SSH tells a host nothing of Ctrl-C or of a cable that was cut: when the lines
# end or stay away, the script ends with all that it started. One that lost its connection
# so may hold the lock of its host until then, and the next one waits for it.
read -r -d '' attended <<'EOT' || true
set -m
umask 077
exec 3<&0 </dev/null
part=
trap "rm -f \"\$part\"" EXIT
if [[ -n $1 ]]; then part=$(mktemp /run/satchel-secrets.XXXXXXXX) || exit 1; fi
while IFS= read -r -u 3 line && [[ $line != . ]]; do
	if [[ -n $part ]]; then printf "%s\n" "$line" >>"$part"; fi
done
[[ $line == . ]] || exit 1
patient=$2
shift 2
if [[ -n $part ]]; then set -- "$@" --secrets "$part"; fi
begin() {
	if [[ -n $patient && -e /run/satchel.lock ]] && ! flock -n /run/satchel.lock true; then
		echo "waiting for another script of a bundle on this host"
		flock -w 90 /run/satchel.lock true
	fi
	exec "$@"
}
lost() {
	trap "" USR1 HUP TERM PIPE
	exec >/dev/null 2>&1
	kill -TERM -- "-$run"
	for ((i = 0; i < 50; i++)); do
		kill -0 -- "-$run" || break
		sleep 0.2
	done
	kill -KILL -- "-$run"
	exit 1
}
begin "$@" 3<&- &
run=$!
trap lost USR1 HUP TERM PIPE
{
	while read -r -t 60 -u 3 line; do :; done
	kill -USR1 $$
} >/dev/null 2>&1 &
watch=$!
set +m
wait "$run"
status=$?
exec >/dev/null 2>&1
kill -KILL -- "-$watch"
exit "$status"
EOT

# lines NAME prints what attended reads, for as long as this script lives.
lines() {
	if [[ -n $secrets ]]; then cat "$secrets/$1.secrets"; fi
	printf '\n.\n' # the last line of the file may have no end
	while kill -0 $$ && printf '\n'; do sleep 5; done 2>/dev/null
}

# script NAME SCRIPT ARGUMENTS runs a script of the bundle there, with the host's secrets
# in memory alone. Where it changes the host, it waits for others that do.
script() {
	local patient=1
	if [[ $2 == status.sh ]]; then patient=''; fi
	at "$1" "bash -c '$attended' attended '${secrets:+1}' '$patient' $dir/$2 --host $1 $3" < <(lines "$1")
}

# one NAME FUNCTION ARGUMENT... runs a function for a host and says in a line how it went.
one() {
	local name=$1 log=fleet-$1.log said
	shift
	if "$@" >"$log" 2>&1; then
		said=$(tail -n 1 "$log")
		said=${said#"$name: "}
		say "$name: ${said:-ok}"
	else
		said=$(tail -n 1 "$log")
		say "$name: failed: ${said:-it says nothing}; see $log"
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
	trap '' HUP INT TERM
	for job in $(jobs -p); do end_tree "$job"; done
	say 'stopped; run the same again to go on'
	exit 130
}
trap 'rm -f "$failures"' EXIT
trap stopped HUP INT TERM

finish() {
	wait
	if [[ -s $failures ]]; then die "not done on: $(sort "$failures" | tr '\n' ' '); mend what their logs say and run the same again"; fi
}

# reachable NAME prints a line "met ID LOW HIGH": the host's identity, and how many seconds
# its clock is ahead of ours, at least and at most: an answer takes its time.
reachable() {
	local begin end said now
	begin=$(date +%s)
	said=$(at "$1" "sh -c 'cat /etc/machine-id && date +%s'" </dev/null) || return 1
	end=$(date +%s)
	now=${said##*$'\n'} said=${said%$'\n'*}
	[[ $now =~ ^[0-9]+$ ]] || die "it says $now where its clock was asked for"
	say "met ${said##*$'\n'} $((now - end)) $((now - begin))"
}

# met NAME prints what reachable printed; the host may have said more at the login.
met() { sed -n 's/^met //p' "fleet-$1.log"; }

# advice NAME prints why a host could not be reached, and what to do.
advice() {
	local log=fleet-$1.log address offending
	address=$(address_of "$1")
	offending=$(sed -n 's/^Offending .* key in \(.*\):\([0-9]*\).*/sed -i \2d \1/p' "$log" | tail -n 1)
	tail -n 1 "$log"
	if [[ -n $offending ]]; then
		say "  $address has another key than before. If it was installed anew, forget the old one: $offending; then ./fleet.sh keys"
	elif grep -q 'Host key verification failed' "$log"; then
		say "  the key of $address is not known here. ./fleet.sh keys asks whether it is right, and keeps it"
	elif grep -q '^sudo: \|^env: .*sudo' "$log"; then
		say "  $user needs sudo without a password and without a terminal there. As root on $1: echo '$user ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/$user"
	elif grep -q 'Permission denied' "$log"; then
		say "  $user cannot log in with a key there. ./fleet.sh keys has it accept one; --user and --identity name others"
	elif grep -q '^ssh: ' "$log"; then
		say "  see whether it is on and has this address. Another port, or a host to go through, is for --ssh-config"
	fi
}

# meet asks each host for its identity, which no two may share, and its clock.
meet() {
	local name twins
	for name in "${chosen[@]}"; do one "$name" reachable "$name" >/dev/null & done
	wait
	if [[ -s $failures ]]; then
		sort "$failures" | while IFS= read -r name; do say "$name: $(advice "$name")"; done
		die 'these hosts cannot be reached with a key; nothing was changed'
	fi
	twins=$(for name in "${chosen[@]}"; do printf '%s %s\n' "$(met "$name")" "$name"; done |
		awk '{names[$1] = names[$1] " " $4; n[$1]++} END {for (id in n) if (n[id] > 1) print names[id]}')
	[[ -z $twins ]] || die "these hosts have one and the same /etc/machine-id, as copies of one disk do:$twins. Remove the file on all but one and run systemd-machine-id-setup; nothing was changed"
	clocks
}

# clocks tells of clocks that are wrong. Certificates allow five minutes between the hosts.
clocks() {
	local name low high slow='' fast='' least=0 most=0
	for name in "${chosen[@]}"; do
		read -r _ low high <<<"$(met "$name")"
		if ((low > 5)); then say "note: the clock of $name is $low seconds ahead of this machine's"; fi
		if ((high < -5)); then say "note: the clock of $name is ${high#-} seconds behind this machine's"; fi
		if [[ -z $slow ]] || ((high < least)); then slow=$name least=$high; fi
		if [[ -z $fast ]] || ((low > most)); then fast=$name most=$low; fi
	done
	if [[ $what != install && $what != upgrade ]] || ((most - least <= 240)); then return; fi
	die "the clock of $fast is $((most - least)) seconds ahead of that of $slow; set them, with date -s or an NTP server; nothing was changed"
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

# give_key KEY NAME has a host accept the key, as ssh-copy-id does. SSH asks for the password.
# A last line without an end is another key, and stays one.
give_key() {
	local text
	read -r -d '' text <<-'EOT' || true
		umask 077
		mkdir -p ~/.ssh
		read -r key
		file=~/.ssh/authorized_keys
		if grep -qxF "$key" "$file" 2>/dev/null; then exit 0; fi
		if [ -n "$(tail -c 1 "$file" 2>/dev/null)" ]; then echo >>"$file"; fi
		printf "%s\n" "$key" >>"$file"
	EOT
	# shellcheck disable=SC2029 # the host fills in its own variables
	ssh "${options[@]}" -o StrictHostKeyChecking=ask "$user@$(address_of "$2")" "sh -c '$text'" <"$1"
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
		if give_key "$key.pub" "$name" 2>&1 | tee "fleet-$name.log" >&2 && at "$name" true </dev/null >"fleet-$name.log" 2>&1; then
			say "$name: accepts the key"
		else
			say "$name: $(advice "$name")"
			printf '%s\n' "$name" >>"$failures"
		fi
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
