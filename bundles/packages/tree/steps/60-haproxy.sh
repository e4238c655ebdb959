#!/bin/bash
# haproxy in front of the API servers. The new configuration is tested before it
# takes the old one's place.
. "$BUNDLE/steps/lib.sh"

put "$HOST_DIR/haproxy.cfg" /etc/haproxy/haproxy.cfg 600 haproxy -c -f
enable haproxy.service
serve haproxy.service reload-or-restart /etc/haproxy/haproxy.cfg
