# shellcheck shell=bash
# What the steps of packages write down for reset.sh: lists in a directory of their own.
. "$BUNDLE/steps/lib.sh"
kept=$STATE/packages

# save FILE writes what comes in.
save() {
	mkdir -p "$kept"
	put_state "$kept/$1"
}

# noted FILE prints a list of what was noted before.
noted() { if [[ -f $kept/$1 ]]; then cat "$kept/$1"; fi; }
