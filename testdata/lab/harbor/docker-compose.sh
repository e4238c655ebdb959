#!/bin/bash
# Stands in for docker-compose, as far as a file with one service that is like that of
# the lab's Harbor: docker-compose --file FILE up|down.
set -e
if [ "$1" != --file ] || [ ! -f "$2" ]; then
	echo "docker-compose: usage: docker-compose --file FILE up|down" >&2
	exit 1
fi
name=$(basename "$(dirname "$2")")-core
case $3 in
up)
	image=$(sed -n 's/^    image: //p' "$2")
	read -r -a command <<<"$(sed -n 's/^    command: //p' "$2")"
	arguments=()
	while read -r volume; do arguments+=(-v "$volume"); done < <(sed -n 's/^      - //p' "$2")
	docker rm --force "$name" >/dev/null 2>&1 || true
	exec docker run --rm --name "$name" --network host "${arguments[@]}" "$image" "${command[@]}"
	;;
down) docker rm --force "$name" >/dev/null ;;
*)
	echo "docker-compose: unknown command $3" >&2
	exit 1
	;;
esac
