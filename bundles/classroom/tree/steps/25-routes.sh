#!/bin/bash
# Hosts without a network often have no default route. Then the addresses of services
# need one of their own, now and at every boot.
. "$BUNDLE/steps/lib.sh"

unit=/etc/systemd/system/satchel-routes.service
put "$HOST_DIR/satchel-routes.service" "$unit"
reload_units "$unit"
enable satchel-routes.service
serve satchel-routes.service restart "$unit"
