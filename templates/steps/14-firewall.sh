#!/bin/bash
# The ports of this host's roles, opened in the firewall that the spec names. Nothing is
# closed, and the firewall is neither started nor stopped.
. "$BUNDLE/steps/lib.sh"

# Rules that are permanent count from the next reload or start on; firewall-cmd knows
# them only while the firewall runs.
permanent=(firewall-cmd --permanent)
if [[ $FIREWALL == firewalld ]] && ! systemctl is-active --quiet firewalld.service; then
	permanent=(firewall-offline-cmd)
fi

# load_rules has the firewall that runs take the rules.
load_rules() {
	if [[ ${permanent[0]} == firewall-cmd ]]; then run firewall-cmd --quiet --reload; fi
}

undo() { # FIREWALL RULE...
	local rule
	read -r -a rule <<<"$1"
	case $FIREWALL:${rule[0]} in
	firewalld:firewalld)
		"${permanent[@]}" --quiet "${rule[@]:1}"
		load_rules
		;;
	ufw:ufw) ufw "${rule[@]:1}" >/dev/null ;;
	esac
}
if [[ ${1:-} == undo ]]; then
	undo "${@:2}"
	exit
fi

# missing COMMAND... is true when the command fails: the rule is not there.
missing() { ! "$@" >/dev/null 2>&1; }

# firewalld OPTION... opens it. A run that was cut off may have made a rule permanent that
# the firewall has not taken yet.
behind=''
firewalld() {
	if missing "${permanent[@]}" "${@/--add-/--query-}"; then
		record_own "firewalld ${*/--add-/--remove-}"
		run "${permanent[@]}" --quiet "$@"
		changed "firewall:$1"
	elif [[ ${permanent[0]} == firewall-cmd ]] && missing firewall-cmd "${@/--add-/--query-}"; then
		behind=1
	fi
}

ufw_rules=''
if [[ $FIREWALL == ufw ]]; then ufw_rules=$(ufw show added 2>/dev/null || true); fi

# ufw_allow RULE... adds a rule that is not there. ufw writes it down before the kernel has it.
ufw_allow() {
	if [[ $'\n'$ufw_rules$'\n' != *$'\n'"ufw $*"$'\n'* ]]; then
		if [[ $1 == route ]]; then record_own "ufw route delete ${*:2}"; else record_own "ufw delete $*"; fi
		due firewall
		run ufw "$@" >/dev/null
		changed "firewall:$*"
	fi
}

while read -r protocol what _; do
	case $FIREWALL:$protocol in
	firewalld:'#' | ufw:'#') ;;
	firewalld:from) firewalld --add-source="$what" --zone=trusted ;;
	firewalld:*) firewalld --add-port="$what/$protocol" ;;
	ufw:from)
		ufw_allow allow from "$what"
		if [[ $what == */* ]]; then
			# Packets of pods are forwarded, which ufw forbids unless told otherwise.
			ufw_allow route allow from "$what"
			ufw_allow route allow to "$what"
		fi
		;;
	ufw:*) ufw_allow allow "${what/-/:}/$protocol" ;;
	esac
done <"$HOST_DIR/firewall"

case $FIREWALL in
firewalld)
	if [[ $CHANGED != ' ' ]]; then
		load_rules
	elif [[ -n $behind ]]; then
		load_rules
		changed firewall:reloaded
	fi
	;;
ufw)
	if is_changed firewall; then
		run ufw reload >/dev/null
		changed firewall:reloaded
	fi
	;;
esac
