#!/bin/bash
# haproxy in front of the API servers. The new configuration is tested before it
# takes the old one's place.
. "$BUNDLE/steps/lib.sh"

# Debian's unit has systemd make a file in there, for the socket of the log.
record_tree /var/lib/haproxy/dev
put "$HOST_DIR/haproxy.cfg" /etc/haproxy/haproxy.cfg 600 haproxy -c -f
enable haproxy.service
serve haproxy.service reload-or-restart /etc/haproxy/haproxy.cfg
