#!/bin/bash
# What keepalived asks of haproxy: `listens`, is it there, and `answers`, does its event
# loop answer. This only looks: it starts nothing and stops nothing.
set -eu
exec 3<>/dev/tcp/127.0.0.1/9999
if [[ $1 == listens ]]; then exit; fi
printf 'GET /live HTTP/1.0\r\n\r\n' >&3
read -r -t 1 _ status _ <&3
[[ $status == 200 ]]
