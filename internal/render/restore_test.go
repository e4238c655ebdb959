package render_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// restorable is a node whose etcd can be restored: the offline program makes the data that
// the snapshot has.
func restorable(t *testing.T) node {
	t.Helper()
	n := newNode(t)
	n.answers(t, "ctr", `case "$*" in *' snapshot restore --help') echo --bump-revision ;; *' snapshot restore '*) mkdir -p "$DIR/etcd/satchel-restored/member" && echo new >"$DIR/etcd/satchel-restored/member/db" ;; esac`)
	n.write(t, "etcd/member/db", "old\n")
	n.write(t, "saved.db", "a snapshot\n")
	return n
}

func (n node) restored(t *testing.T, times int) {
	t.Helper()
	if got := n.read(t, "etcd/member/db"); got != "new\n" {
		t.Errorf("the data are %q", got)
	}
	if got := n.read(t, "state/restored"); strings.Count(got, "\n") != times || strings.Count(got, "restored-") != times {
		t.Errorf("restored were\n%s", got)
	}
	for _, gone := range []string{"state/restoring", "kubernetes/satchel-held"} {
		if _, err := os.Stat(filepath.Join(n.dir, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is there: %v", gone, err)
		}
	}
}

func TestARestoreGoesOnWhenTheDiskWasFull(t *testing.T) {
	n := restorable(t)
	// The kernel's disk that is always full.
	if err := os.Symlink("/dev/full", filepath.Join(n.dir, "state/restoring.new")); err != nil {
		t.Fatal(err)
	}
	n.fails(t, "No space left on device", "cluster.sh", "restore", n.dir+"/saved.db")
	if got := n.read(t, "etcd/member/db"); got != "old\n" {
		t.Errorf("the data are %q", got)
	}
	if got := n.read(t, "state/restoring"); !strings.Contains(got, "no such file") {
		t.Errorf("noted is %q", got)
	}
	if err := removeFile(n, "state/restoring.new"); err != nil {
		t.Fatal(err)
	}
	n.must(t, "cluster.sh", "restore", n.dir+"/saved.db")
	n.restored(t, 1)
}

// Scripts of before left an empty note then.
func TestANoteOfARestoreThatSaysNothing(t *testing.T) {
	for i, text := range []string{"", "abc", "abc restored-0123456789abcdef-0 2026"} {
		n := restorable(t)
		n.write(t, "state/restoring", text)
		says(t, n.must(t, "cluster.sh", "restore", n.dir+"/saved.db"), "a restore that was cut off before it changed anything is begun anew")
		n.restored(t, 1)
		n.must(t, "cluster.sh", "restore", n.dir+"/saved.db")
		n.restored(t, 2)
		n.write(t, "state/restoring", text)
		n.write(t, "kubernetes/satchel-held/etcd.yaml", n.read(t, "kubernetes/manifests/etcd.yaml"))
		n.fails(t, "does not say which restore was cut off here, and the control plane is stopped", "cluster.sh", "restore", n.dir+"/saved.db")
		if got := n.read(t, "state/restored"); strings.Count(got, "\n") != 2 {
			t.Errorf("%d: restored were\n%s", i, got)
		}
	}
}

// A restore that was cut off between its steps goes on as the same, and not with another
// snapshot.
func TestARestoreThatWasCutOffGoesOn(t *testing.T) {
	n := restorable(t)
	n.answers(t, "systemctl", `if [[ "$*" == 'start kubelet.service' && ! -e "$DIR/cut" ]]; then touch "$DIR/cut"; kill -KILL 0; fi`)
	if out, err := n.run(t, "cluster.sh", "restore", n.dir+"/saved.db"); err == nil {
		t.Fatalf("it was not cut off:\n%s", out)
	}
	n.write(t, "other.db", "another\n")
	n.fails(t, "a restore of another snapshot was cut off here", "cluster.sh", "restore", n.dir+"/other.db")
	n.must(t, "cluster.sh", "restore", n.dir+"/saved.db")
	n.restored(t, 1)
}
