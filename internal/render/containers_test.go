package render_test

import (
	"strings"
	"testing"
)

// Containers that were there before the install stay, those of the cluster go: with a real
// containerd.
func TestContainersOfBeforeStay(t *testing.T) {
	need(t, "containerd", "containerd")
	need(t, "ctr", "containerd")
	r := newRoom(t, "05-preflight.sh 40-containerd.sh", "RUNTIME_PACKAGE='containerd'", "CRI_SOCKET='/run/containerd/containerd.sock'")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.write(t, "/opt/bundle/hosts/x/config.toml", "version = 2\n")
	out := r.must(t, `containerd >/var/log/containerd 2>&1 & daemon=$!
trap 'kill $daemon; wait $daemon || true' EXIT
for i in {1..100}; do ! ctr version >/dev/null 2>&1 || break; sleep 0.1; done
mkdir -p /var/lib/their-root
create() { ctr --namespace "$1" containers create --rootfs /var/lib/their-root "$2"; }
create k8s.io theirs-1; create default theirs-2
`+roomInstall+`create k8s.io ours-1; create default ours-2; create satchel ours-3
`+roomInstall+roomReset+`for space in k8s.io default satchel; do ctr --namespace $space containers ls -q; done; test -d /var/lib/containerd`)
	if !strings.HasSuffix(out, "before the install\ntheirs-1\ntheirs-2\n") {
		t.Errorf("%s\n%s", out, r.read("/var/log/containerd"))
	}
}
