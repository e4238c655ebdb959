//go:build lab && linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab/world"
)

// dockerNodes is Docker under a Kubernetes that has no support for it any more; the
// control plane is the registry host too.
const dockerNodes = `
runtime: name: "docker"
hosts: {
	cp1: {address: "10.0.0.11", roles: ["control-plane", "registry"]}
	w1: {address: "10.0.0.21", roles: ["worker"]}
}
`

// TestDockerToday installs nodes whose kubelets talk to Docker by way of cri-dockerd,
// brings etcd back from a snapshot with it, and takes all of it back.
func TestDockerToday(t *testing.T) {
	for _, release := range []string{"1.34.4", "1.37.2"} {
		t.Run(release, func(t *testing.T) { testDockerToday(t, release) })
	}
}

func testDockerToday(t *testing.T, release string) {
	c := site{
		release: release, name: "docker", spec: dockerNodes,
		more: func(in *world.Inputs, _ string) {
			if err := in.AddDocker(t.Context(), testLog{t}); err != nil {
				t.Fatal(err)
			}
		},
	}.boot(t)
	defer c.explain(t)
	before := c.snapshots(t)
	took := c.install(t)
	c.waitReady(t, time.Minute)
	t.Logf("all nodes were ready %v after the start", took.Round(100*time.Millisecond))

	r := c.plan.Cluster.Runtime
	nodes := c.kubectl(t, `get nodes -o 'jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}'`)
	if want := "docker://" + r.Version; nodes != want+" "+want {
		t.Errorf("the nodes' runtimes are %s, not %s", nodes, want)
	}
	for _, m := range c.hosts {
		says(t, on(t, m, "crictl version"), "RuntimeName:  docker", "RuntimeVersion:  "+r.Version)
		says(t, on(t, m, "crictl images"), strings.TrimSuffix(c.plan.Cluster.SandboxImage, ":"+c.plan.Cluster.Kubernetes.Pause))
	}
	c.smoke(t)
	pod := strings.Fields(c.kubectl(t, "get pods -l app=web -o name"))[0]
	c.kubectl(t, "exec "+pod+" -- sh -c 'echo a word to the log > /proc/1/fd/1'")
	eventually(t, 10*time.Second, "the pod's log has what it wrote", func() bool {
		return strings.Contains(c.kubectl(t, "logs "+pod), "a word to the log")
	})
	c.secondRun(t)
	c.goesBack(t)
	c.quiet(t)
	c.takenBack(t, before)
}
