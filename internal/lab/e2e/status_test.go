//go:build lab && linux

package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
)

// statusIsWell holds that status.sh finds each host well, in both of its formats, with the
// checks of the guide, and that it finds what is wrong.
func (c *cluster) statusIsWell(t *testing.T) {
	t.Helper()
	for _, h := range c.plan.Hosts {
		m := c.hosts[h.Name]
		text := on(t, m, "/opt/bundle/status.sh --secrets /root/secrets --checks")
		says(t, text, h.Name+": all is well")
		t.Logf("%s", text)
		var found struct {
			Host   string
			Bad    int
			Status []struct{ Kind, Name, State, Text string }
		}
		if err := json.Unmarshal([]byte(on(t, m, "/opt/bundle/status.sh --secrets /root/secrets --checks --format json")), &found); err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, s := range found.Status {
			kinds[s.Kind]++
		}
		want := []string{"unit", "version"}
		if h.Node {
			want = append(want, "node", "certificate")
		}
		if h.ControlPlane {
			want = append(want, "etcd")
		}
		if c.plan.Guide != nil {
			want = append(want, "check")
		}
		for _, kind := range want {
			if kinds[kind] == 0 {
				t.Errorf("status.sh of %s says nothing of kind %q: %v", h.Name, kind, kinds)
			}
		}
		if found.Host != h.Name || found.Bad != 0 {
			t.Errorf("status.sh of %s, host %s, finds %d bad", h.Name, found.Host, found.Bad)
		}
	}
	c.seesWhatIsWrong(t)
}

func (c *cluster) seesWhatIsWrong(t *testing.T) {
	t.Helper()
	i := slices.IndexFunc(c.plan.Hosts, func(h plan.Host) bool { return h.Node && !h.ControlPlane })
	m := c.hosts[c.plan.Hosts[i].Name]
	on(t, m, "cp -a /etc/crictl.yaml /root/crictl.yaml && echo '# edited' >> /etc/crictl.yaml && systemctl stop kubelet")
	says(t, fails(t, m, "/opt/bundle/status.sh"), "bad   unit         kubelet.service: inactive, enabled", "bad   drift        /etc/crictl.yaml: has been edited since it was installed", m.Name()+": 3 not well")
	on(t, m, "mv /root/crictl.yaml /etc/crictl.yaml && systemctl start kubelet")
	says(t, on(t, m, "/opt/bundle/status.sh"), m.Name()+": all is well")
}
