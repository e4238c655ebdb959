#!/bin/bash
# Does haproxy's event loop answer? keepalived calls this and lowers its priority on
# failure. It only looks: it starts nothing and stops nothing.
set -eu
exec 3<>/dev/tcp/127.0.0.1/9999
printf 'GET /live HTTP/1.0\r\n\r\n' >&3
read -r -t 1 _ status _ <&3
[[ $status == 200 ]]
