#!/bin/bash
# Stands in for the script "prepare" of Harbor's offline installer, which runs the image
# of that name with the host's files below /hostfs.
set -e
dir=$(cd "$(dirname "$0")" && pwd)
image=$(docker image ls --format '{{.Repository}}:{{.Tag}}' goharbor/prepare | head -n 1)
if [ -z "$image" ]; then
	echo "prepare: the image goharbor/prepare is not loaded" >&2
	exit 1
fi
docker run --rm --privileged --network none --env "HARBOR_VERSION=${image#*:v}" -v /:/hostfs "$image" prepare "$dir"
