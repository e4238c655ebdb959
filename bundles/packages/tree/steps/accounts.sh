# shellcheck shell=bash
# Users and groups that the scripts of packages make go with the packages, which leave them.
# The list accounts is there while packages are being installed, and has what was there
# before; the list ours has what came.
. "$BUNDLE/steps/paths.sh"

# accounts prints this host's own, a line "user NAME" or "group NAME" for each.
accounts() {
	sed -n 's/^\([A-Za-z0-9_][^:]*\):.*/user \1/p' /etc/passwd
	sed -n 's/^\([A-Za-z0-9_][^:]*\):.*/group \1/p' /etc/group
}

# settle_accounts ends what `accounts | save accounts` began.
settle_accounts() {
	if [[ ! -f $kept/accounts ]]; then return; fi
	{ noted ours; accounts | grep -vxFf "$kept/accounts" || true; } | sort -u | save ours
	rm -f "$kept/accounts"
}

# remove_accounts takes those away that came with the packages. Groups come after the
# users, with whom they may go.
remove_accounts() {
	local kind name
	while read -r kind name; do
		if [[ $kind == user ]]; then
			if getent passwd "$name" >/dev/null; then userdel "$name" >/dev/null 2>&1 || tell "the user $name stays: userdel does not remove it"; fi
		elif getent group "$name" >/dev/null; then
			groupdel "$name" >/dev/null 2>&1 || tell "the group $name stays: groupdel does not remove it"
		fi
	done < <(noted ours | sort -r)
}
