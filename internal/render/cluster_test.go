package render_test

import (
	"strings"
	"testing"
)

// members is a cluster with a second control plane, cp2, which is ready or not.
func (n node) members(ready string) string {
	return `case "$*" in
*"get nodes -o jsonpath={.items[*].metadata.name}") printf 'cp1 cp2' ;;
*'get node cp2 '*'?(@.type=="InternalIP")].address}') printf '10.0.0.12 fd00::12' ;;
*'get node cp2 '*'?(@.type=="Ready")].status}') printf '` + ready + `' ;;
*' drain cp2 '*) [[ ! -e "$DIR/held" ]] || { echo 'Cannot evict pod'; exit 1; } ;;
esac
`
}

// lines are the calls that have one of the texts, in order.
func (n node) lines(t *testing.T, texts ...string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(n.read(t, "calls")) {
		for _, text := range texts {
			if strings.Contains(line, text) {
				found = append(found, strings.TrimSpace(line))
			}
		}
	}
	n.write(t, "calls", "")
	return found
}

func TestANodeIsRemoved(t *testing.T) {
	for _, c := range []struct {
		ready, args string
		want, not   []string
	}{
		{"True", "", nil, []string{"--force", "--disable-eviction", "--skip-wait", "--grace-period"}},
		{"True", "--force", []string{" --force"}, []string{"--disable-eviction", "--skip-wait"}},
		// Its pods stay as they are, whatever the API server has of them.
		{"Unknown", "", []string{"--disable-eviction", "--grace-period=1", "--skip-wait-for-delete-timeout=1"}, []string{"--force"}},
		{"False", "--force", []string{"--disable-eviction", "--skip-wait-for-delete-timeout=1", "--force"}, nil},
	} {
		n := newNode(t)
		n.answers(t, "kubectl", n.members(c.ready))
		out := n.must(t, "cluster.sh", strings.Fields("remove cp2 "+c.args)...)
		says(t, out, "cp2 (10.0.0.12) is no node any more")
		if said := strings.Contains(out, "cp2 is not ready"); said != (c.ready != "True") {
			t.Errorf("ready %s: said is\n%s", c.ready, out)
		}
		calls := n.lines(t, " drain ", "snapshot save", "member remove", " delete node ")
		if len(calls) != 4 || !strings.Contains(calls[0], " drain cp2 ") || !strings.Contains(calls[2], "member remove 2f") || !strings.Contains(calls[3], "delete node cp2") {
			t.Fatalf("ready %s: the calls are\n%s", c.ready, strings.Join(calls, "\n"))
		}
		says(t, calls[0], append(c.want, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=20s")...)
		for _, not := range c.not {
			if strings.Contains(calls[0], not) {
				t.Errorf("ready %s: %s has %s", c.ready, calls[0], not)
			}
		}
	}
}

func TestWhatIsNotRemoved(t *testing.T) {
	n := newNode(t)
	n.answers(t, "kubectl", n.members("True"))
	n.fails(t, "this is cp1 itself", "cluster.sh", "remove", "cp1")
	n.fails(t, "the cluster has no node cp9; it has: cp1 cp2", "cluster.sh", "remove", "cp9")
	n.write(t, "held", "")
	n.fails(t, "the pods of cp2 did not leave", "cluster.sh", "remove", "cp2")
	if calls := n.lines(t, " drain ", "member remove", " delete node "); len(calls) != 1 {
		t.Errorf("the calls are\n%s", strings.Join(calls, "\n"))
	}
	// No answer is not "no such node", nor "not ready".
	n.answers(t, "kubectl", `case "$*" in *'get node cp2 '*'"Ready"'*|*"$(cat "$DIR/lost")"*) echo 'no route to host' >&2; exit 1 ;; esac`+"\n"+n.members("True"))
	for _, lost := range []string{"{.items[*].metadata.name}", "never"} {
		n.write(t, "lost", lost)
		n.fails(t, "no route to host", "cluster.sh", "remove", "cp2")
	}
	if calls := n.lines(t, " drain ", "member remove", " delete node "); len(calls) != 0 {
		t.Errorf("the calls are\n%s", strings.Join(calls, "\n"))
	}
}

func TestASnapshotTakesThePlaceOfTheOneBefore(t *testing.T) {
	n := newNode(t)
	file := n.dir + "/nightly.db"
	for _, want := range []string{"snapshot 1\n", "snapshot 2\n"} {
		says(t, n.must(t, "cluster.sh", "snapshot", file), "etcd was saved to "+file)
		if got := n.read(t, "nightly.db"); got != want {
			t.Errorf("saved is %q", got)
		}
	}
	if got := mode(t, file); got != 0o600 {
		t.Errorf("its mode is %v", got)
	}
	n.write(t, "etcd-fails", "")
	n.fails(t, "etcd of cp1 did not save what it has", "cluster.sh", "snapshot", file)
	if got := n.read(t, "nightly.db"); got != "snapshot 2\n" {
		t.Errorf("after a failure there is %q", got)
	}
	n.fails(t, "is a directory; give the name of a file in it. Nothing was saved", "cluster.sh", "snapshot", n.dir)
}

// Only a configuration that satchel made is renewed with the certificates.
func TestTheUsersOwnKubeconfigStays(t *testing.T) {
	renews := `if [[ "$*" == 'certs renew all' ]]; then echo "renewed $((++n))" >"$DIR/kubernetes/admin.conf"; fi`
	started := `echo x >>"$DIR/started"; case "$*" in 'ps '*) wc -l <"$DIR/started" ;; esac`
	for name, c := range map[string]struct{ config, want string }{
		"the user's own":      {"another cluster's\n", "another cluster's\n"},
		"a copy of the admin": {"the administrator's\n", "renewed 1\n"},
		"none":                {"", ""},
	} {
		n := newNode(t)
		n.answers(t, "kubeadm", renews)
		n.answers(t, "crictl", started)
		if c.config != "" {
			n.write(t, ".kube/config", c.config)
		}
		out := n.must(t, "cluster.sh", "certificates")
		if got := n.read(t, ".kube/config"); got != c.want && c.want != "" {
			t.Errorf("%s: it is %q", name, got)
		}
		if kept := strings.Contains(out, "is not what satchel made; it stays as it is"); kept != (name == "the user's own") {
			t.Errorf("%s: said is\n%s", name, out)
		}
	}

	// What an earlier run left when it was cut off is satchel's own still.
	n := newNode(t)
	n.answers(t, "kubeadm", renews)
	n.answers(t, "crictl", started)
	n.write(t, ".kube/config", "the administrator's\n")
	n.must(t, "cluster.sh", "certificates")
	n.write(t, "kubernetes/admin.conf", "renewed by a run that was cut off\n")
	n.must(t, "cluster.sh", "certificates")
	if got := n.read(t, ".kube/config"); got != n.read(t, "kubernetes/admin.conf") {
		t.Errorf("it is %q", got)
	}
}
