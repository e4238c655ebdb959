#!/bin/bash
# 1.1.3: the container runtime.
. "$BUNDLE/checks/lib.sh"

only_on "$NODES" || exit 0
unit=containerd.service
if [[ $RUNTIME == docker ]]; then unit=docker.service; fi
if systemctl is-active --quiet "$unit"; then ok '%s runs' "$unit"; else wrong '%s does not run: systemctl status %s' "$unit" "$unit"; fi
if systemctl is-enabled --quiet "$unit" 2>/dev/null; then ok '%s starts with the host' "$unit"; else wrong '%s does not start with the host: systemctl enable %s' "$unit" "$unit"; fi
if crictl info >/dev/null 2>&1; then
	ok 'the runtime answers at %s' "${CRI_SOCKET#unix://}"
else
	wrong 'the runtime does not answer at %s: journalctl -u %s' "${CRI_SOCKET#unix://}" "$unit"
fi
