#!/bin/bash
# 1.1.3: the container runtime.
. "$BUNDLE/checks/lib.sh"

only_on "$NODES" || exit 0
unit=containerd.service
if [[ $RUNTIME == docker ]]; then unit=docker.service; fi
expect "$unit runs" systemctl is-active --quiet "$unit"
expect "$unit starts with the host" systemctl is-enabled --quiet "$unit"
if crictl info >/dev/null 2>&1; then
	ok "the runtime answers at ${CRI_SOCKET#unix://}"
else
	wrong "the runtime does not answer at ${CRI_SOCKET#unix://}: journalctl -u $unit"
fi
