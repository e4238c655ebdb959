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

# With each change a firewall writes the files of its rules anew. They are ZONE's of
# firewalld, or ufw's.
files_of() { # ZONE|ufw
	if [[ $1 == ufw ]]; then
		files=(etc/ufw/user.rules etc/ufw/user6.rules)
	else
		files=("etc/firewalld/zones/$1.xml" "etc/firewalld/zones/$1.xml.old")
	fi
}

# rules_of prints all that is permanent there. The first line has the zone's name, and
# whether it is in use.
rules_of() { # ZONE|ufw
	case $FIREWALL in
	firewalld) "${permanent[@]}" --info-zone="$1" | tail -n +2 ;;
	ufw) ufw show added ;;
	esac
}

# keep notes the files and what they say, before the first change.
keep() { # ZONE|ufw
	local files file there=()
	if [[ -n $DRY_RUN || -n ${RECORDED["own files $1"]:-} ]]; then return; fi
	files_of "$1"
	for file in "${files[@]}"; do
		if [[ -f /$file ]]; then there+=("$file"); fi
	done
	record_own "files $1" "$(rules_of "$1" | base64 -w 0)"$'\n'"$(tar -C / -cf - --files-from=<(printf '%s\n' ${there[@]+"${there[@]}"}) | base64 -w 0)"
}

# give_back brings the files back, when all rules are those of then.
give_back() { # ZONE|ufw FORMER
	local files file former said new
	{ read -r said && read -r former; } <"$2"
	if [[ $(rules_of "$1" | base64 -w 0) != "$said" ]]; then
		tell "the firewall's rules of $1 are others than before the install; the files that have them stay as they are"
		return
	fi
	files_of "$1"
	new=$(mktemp -d)
	base64 -d <<<"$former" | tar -C "$new" -xf -
	for file in "${files[@]}"; do
		if [[ -f $new/$file ]]; then
			cp -a "$new/$file" "$(beside "/$file")"
			mv -f "$(beside "/$file")" "/$file"
		else
			rm -f "/$file"
		fi
	done
	rm -rf "$new"
}

undo() { # FIREWALL RULE..., or files ZONE|ufw, and the file of what was there
	local rule
	read -r -a rule <<<"$1"
	case $FIREWALL:${rule[0]} in
	*:files) give_back "${rule[1]}" "$2" ;;
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
	local zone=${2:-$default_zone}
	if missing "${permanent[@]}" "${@/--add-/--query-}"; then
		keep "${zone#--zone=}"
		record_own "firewalld ${*/--add-/--remove-}"
		run "${permanent[@]}" --quiet "$@"
		changed "firewall:$1"
	elif [[ ${permanent[0]} == firewall-cmd ]] && missing firewall-cmd "${@/--add-/--query-}"; then
		behind=1
	fi
}

default_zone=public ufw_rules=''
if [[ $FIREWALL == firewalld ]]; then
	chosen=$(sed -n 's/^DefaultZone=//p' /etc/firewalld/firewalld.conf 2>/dev/null || true)
	default_zone=${chosen:-$default_zone}
fi
if [[ $FIREWALL == ufw ]]; then ufw_rules=$(ufw show added 2>/dev/null || true); fi

# ufw_allow RULE... adds a rule that is not there. ufw writes it down before the kernel has it.
ufw_allow() {
	if [[ $'\n'$ufw_rules$'\n' != *$'\n'"ufw $*"$'\n'* ]]; then
		keep ufw
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
