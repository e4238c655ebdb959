#!/bin/bash
# chrony keeps the hosts' clocks together: certificates are good from five minutes
# before they are made, so clocks may not be further apart.
. "$BUNDLE/steps/lib.sh"

config=/etc/chrony/chrony.conf unit=chrony.service
if [[ $OS_FAMILY == rhel ]]; then config=/etc/chrony.conf unit=chronyd.service; fi
put "$HOST_DIR/chrony.conf" "$config"
enable "$unit"
serve "$unit" restart "$config"
