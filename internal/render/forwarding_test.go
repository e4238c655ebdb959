package render_test

import (
	"os"
	"strings"
	"testing"
)

// A kernel that begins to forward packets stops taking redirects, and takes them when it
// ends, also where somebody had forbidden them before.
func TestForwardingGivesBackWhatTheKernelSetsWithIt(t *testing.T) {
	need(t, "unshare", "util-linux")
	if os.Geteuid() != 0 {
		t.Skip("nobody but root has a network of its own")
	}
	l := newLibrary(t)
	out := l.must(t, "30-kernel", `if [[ -z ${INSIDE:-} ]]; then INSIDE=1 exec unshare --net bash "$0"; fi
		cd /proc/sys/net/ipv4
		echo 0 >ip_forward
		echo 0 >conf/all/accept_redirects
		set_sysctl net.ipv4.ip_forward 1
		echo "is $(cat ip_forward conf/all/accept_redirects | tr '\n' ' ')"
		. "$BUNDLE/steps/undo.sh"
		for n in $(printf '%s\n' "${!ENTRIES[@]}" | sort -rn); do undo_change "$n"; done
		echo "was $(cat ip_forward conf/all/accept_redirects | tr '\n' ' ')"`)
	if !strings.Contains(out, "is 1 0") || !strings.Contains(out, "was 0 0") {
		t.Error(out)
	}
}
