#!/bin/sh
# runc, for hosts that may not lower the OOM score of a process: Docker has no setting
# for that. It takes the score out of the bundle's config.json first.
bundle=
previous=
for argument in "$@"; do
	case $previous in
	--bundle | -b) bundle=$argument ;;
	esac
	previous=$argument
done
if [ -n "$bundle" ]; then
	sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$bundle/config.json"
fi
exec "${0%/*}/runc.real" "$@"
