# shellcheck shell=bash
# What the steps of packages write down for reset.sh: lists in a directory of their own.
. "$BUNDLE/steps/lib.sh"
kept=$STATE/packages

# save FILE writes what comes in, so that a power cut leaves the old or the new.
save() {
	mkdir -p "$kept"
	cat >"$kept/$1.new"
	on_disk "$kept/$1.new"
	mv -f "$kept/$1.new" "$kept/$1"
}

# noted FILE prints a list of what was noted before.
noted() { if [[ -f $kept/$1 ]]; then cat "$kept/$1"; fi; }
