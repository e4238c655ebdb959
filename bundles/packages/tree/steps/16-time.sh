#!/bin/bash
# chrony keeps the hosts' clocks together: certificates are good from five minutes
# before they are made, so clocks may not be further apart.
. "$BUNDLE/steps/lib.sh"

# Debian keeps it in a directory, and names the unit after the package.
config=/etc/chrony.conf unit=chronyd.service
if [[ -d /etc/chrony ]]; then config=/etc/chrony/chrony.conf unit=chrony.service; fi
put "$HOST_DIR/chrony.conf" "$config"
enable "$unit"
serve "$unit" restart "$config"
