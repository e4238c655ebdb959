//go:build lab && linux

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

const changesKey = "/opt/bundle/cluster.sh encryption --secrets /root/new"

// testKeyChange has the cluster take another key for its Secrets, while a client reads
// them. On one control plane the command is killed in the middle, so it is run twice.
func (c *cluster) testKeyChange(t *testing.T) {
	name := c.newKey(t)
	c.kubectl(t, "create secret generic kept --from-literal=word=aWordThatStays")
	c.kubectl(t, "create namespace other")
	c.kubectl(t, "-n other create secret generic fixed --from-literal=word=x")
	c.kubectl(t, `-n other patch secret fixed -p '{"immutable":true}'`)
	if prefixes := c.writtenWith(t); len(prefixes) != 1 || prefixes["k8s:enc:secretbox:v1:key1:"] < 2 {
		t.Fatalf("before the change Secrets begin with %v", prefixes)
	}
	for _, m := range c.controlPlanes() {
		says(t, fails(t, m, "/opt/bundle/install.sh --secrets /root/new"), "nothing was changed", "run ./cluster.sh encryption --secrets FILE on all control planes first")
	}

	reads := c.readsSecrets(t)
	c.killedKeyChange(t)
	begin := time.Now()
	c.onControlPlanes(t, "SATCHEL_WAIT=240 "+changesKey)
	t.Logf("the key was changed in %v", time.Since(begin).Round(100*time.Millisecond))
	reads()

	if prefixes := c.writtenWith(t); len(prefixes) != 1 || prefixes["k8s:enc:secretbox:v1:"+name+":"] < 2 {
		t.Errorf("after the change Secrets begin with %v", prefixes)
	}
	if got := c.kubectl(t, "get secret kept -o 'jsonpath={.data.word}' | base64 -d"); got != "aWordThatStays" {
		t.Errorf("the secret reads %q", got)
	}
	on(t, c.first(), "! kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o yaml | grep satchel-encryption; ls -l /var/lib/satchel/snapshots/before-secretbox-"+name+"-*.db")
	for _, m := range c.controlPlanes() {
		c.hasKeyAlone(t, m, name)
	}
	c.kubectl(t, "delete secret/kept namespace/other")
}

// newKey makes secrets with another encryption key and gives the control planes their
// parts. It returns the key's name.
func (c *cluster) newKey(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "new")
	c.run(t, "secrets", "new", c.spec, "-o", file, "--from", c.secrets, "--rotate", "encryption-key")
	c.run(t, "secrets", "split", c.spec, "--secrets", file, "-o", dir)
	for _, m := range c.controlPlanes() {
		part, err := os.Open(filepath.Join(dir, m.Name()+".secrets"))
		if err != nil {
			t.Fatal(err)
		}
		defer part.Close()
		if _, _, err := m.Exec(t.Context(), part, "sh", "-c", "umask 077; cat > /root/new; cp /root/secrets /root/old"); err != nil {
			t.Fatal(err)
		}
	}
	return strings.TrimSpace(c.run(t, "secrets", "show", "--secrets", file, "--reveal", "encryption-key-name"))
}

// writtenWith counts how the values of Secrets begin in etcd.
func (c *cluster) writtenWith(t *testing.T) map[string]int {
	t.Helper()
	out, said, err := c.first().Exec(t.Context(), nil, "bash", "-c", `crictl exec "$(crictl ps --name '^etcd$' --quiet | head -n 1)" etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt \
		--cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key get /registry/secrets/ --prefix -w json`)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var answer struct {
		KVs []struct{ Value string }
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]int{}
	for _, kv := range answer.KVs {
		value, err := base64.StdEncoding.DecodeString(kv.Value)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.SplitAfterN(string(value), ":", 6)
		if len(parts) < 6 {
			t.Fatal("a Secret is not encrypted")
		}
		prefixes[strings.Join(parts[:5], "")]++
	}
	return prefixes
}

// readsSecrets has a client read until the function that it returns is called. An API
// server may be away for a moment; none may answer that it cannot read a Secret.
func (c *cluster) readsSecrets(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var good int
	var longest time.Duration
	wg.Go(func() {
		last := time.Now()
		for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			out, said, err := c.first().Exec(ctx, nil, "bash", "-c", `export KUBECONFIG=/etc/kubernetes/admin.conf
				kubectl --request-timeout=5s get secret kept -o 'jsonpath={.data.word}' | base64 -d && kubectl --request-timeout=5s get secrets -A -o name >/dev/null`)
			switch {
			case ctx.Err() != nil:
			case err == nil && out == "aWordThatStays":
				good++
				longest = max(longest, time.Since(last))
				last = time.Now()
			case err == nil || strings.Contains(said, "InternalError") || strings.Contains(said, "transform"):
				t.Errorf("a client was answered %q %s", out, said)
			}
		}
	})
	return func() {
		t.Helper()
		cancel()
		wg.Wait()
		t.Logf("a client read Secrets %d times, with at most %v between", good, longest.Round(100*time.Millisecond))
		if good < 10 || longest > 30*time.Second {
			t.Errorf("it could not read enough")
		}
	}
}

// killedKeyChange kills the command on the second control plane when its configuration has
// both keys, and its API server does not know the new one yet. The others wait in vain.
func (c *cluster) killedKeyChange(t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	for i, m := range c.controlPlanes() {
		if i != 1 {
			wg.Go(func() {
				out, said, err := m.Exec(t.Context(), nil, "bash", "-c", "SATCHEL_WAIT=60 "+changesKey)
				if err == nil || !strings.Contains(out+said, "(run this on each) did not come within 60 seconds") {
					t.Errorf("%s alone: %v\n%s%s", m.Name(), err, out, said)
				}
			})
		}
	}
	out, said, err := c.controlPlanes()[1].Exec(t.Context(), nil, "bash", "-c", fmt.Sprintf(`setsid bash -c '%s' >/root/out 2>&1 & pid=$!
		for ((i = 0; i < 1200; i++)); do
			if (($(grep -c ' name: ' /etc/kubernetes/encryption/config.yaml) == 2)); then kill -KILL -- -$pid && echo killed; break; fi
			sleep 0.1
		done
		wait $pid; tail -n 2 /root/out`, changesKey))
	t.Logf("the change was cut off (%v): %s%s", err, out, said)
	if !strings.Contains(out, "killed") {
		t.Error("it was not cut off")
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, m := range c.controlPlanes()[:2] {
		says(t, fails(t, m, "/opt/bundle/install.sh --secrets /root/new"), "nothing was changed", "run ./cluster.sh encryption")
	}
}

// onControlPlanes runs a command on all of them at the same moment.
func (c *cluster) onControlPlanes(t *testing.T, command string) {
	t.Helper()
	var wg sync.WaitGroup
	for _, m := range c.controlPlanes() {
		wg.Go(func() {
			if out, said, err := m.Exec(t.Context(), nil, "bash", "-c", command); err != nil {
				t.Errorf("%s: %v\n%s%s", m.Name(), err, out, said)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// hasKeyAlone holds that a control plane has the key of this name and no other, that the
// new secrets change nothing there any more, and that the old ones are refused.
func (c *cluster) hasKeyAlone(t *testing.T, m *lab.Machine, name string) {
	t.Helper()
	const configuration = "/etc/kubernetes/encryption/config.yaml"
	if names := on(t, m, "sed -n 's/^ *- name: //p' "+configuration); strings.TrimSpace(names) != `"`+name+`"` {
		t.Errorf("%s has the keys %s", m.Name(), names)
	}
	says(t, on(t, m, "stat -c '%a %U' "+configuration), "600 root")
	running := on(t, m, "crictl ps --name kube-apiserver --quiet; stat -c %Y "+configuration)
	says(t, on(t, m, changesKey), "nothing to change: the key "+name+" is the only one already")
	says(t, on(t, m, "/opt/bundle/install.sh --secrets /root/new"), m.Name()+": nothing to change")
	before := on(t, m, files)
	says(t, fails(t, m, "/opt/bundle/install.sh --secrets /root/old"), "nothing was changed", "Give the cluster's newest secrets")
	says(t, fails(t, m, "/opt/bundle/install.sh --secrets /root/old --only apiserver"), "Give the cluster's newest secrets")
	if on(t, m, files) != before {
		t.Errorf("old secrets changed %s", m.Name())
	}
	if now := on(t, m, "crictl ps --name kube-apiserver --quiet; stat -c %Y "+configuration); now != running {
		t.Errorf("what changes nothing has started the API server of %s again, or touched its configuration", m.Name())
	}
	on(t, m, "! grep -qF -e \"$(sed -n 's/^encryption-key=//p' /root/new)\" -r /var/log/satchel && mv /root/new /root/secrets && rm /root/old")
}
