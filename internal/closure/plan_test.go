package closure_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// add puts a file into a tree.
func add(tree render.Tree, path string, mode fs.FileMode, text string) render.Tree {
	tree = append(slices.Clone(tree), render.File{Path: path, Mode: mode, Data: []byte(text)})
	slices.SortFunc(tree, func(a, b render.File) int { return strings.Compare(a.Path, b.Path) })
	return tree
}

func withoutImage(p *plan.Plan, name string) {
	p.Images = slices.DeleteFunc(p.Images, func(i plan.Image) bool { return strings.Contains(i.Name, name) })
}

func changeHost(t *testing.T, p *plan.Plan, name string, do func(*plan.Host)) {
	t.Helper()
	i := slices.IndexFunc(p.Hosts, func(h plan.Host) bool { return h.Name == name })
	if i < 0 {
		t.Fatalf("no host %s", name)
	}
	do(&p.Hosts[i])
}

func TestImageThatThePlanLacks(t *testing.T) {
	p, tree := rendered(t, single)
	withoutImage(p, "/pause:")
	const message = "the image registry.k8s.io/pause:3.10.1 is not in the bundle"
	expect(t, p, tree,
		where(t, tree, "hosts/cp1/config.toml", "sandbox")+": "+message+" (and in the files of 1 more host)",
		where(t, tree, "hosts/cp1/kubeadm.yaml", "registry.k8s.io\n")+": "+message)
}

func TestEveryImageOfKubeadm(t *testing.T) {
	for image, at := range map[string]string{
		"kube-apiserver:v1.34.4":          "v1.34.4",
		"kube-controller-manager:v1.34.4": "v1.34.4",
		"kube-scheduler:v1.34.4":          "v1.34.4",
		"kube-proxy:v1.34.4":              "v1.34.4",
		"etcd:3.6.5-0":                    "3.6.5-0",
		"coredns/coredns:v1.12.1":         "v1.12.1",
	} {
		p, tree := rendered(t, single)
		withoutImage(p, image)
		expect(t, p, tree, where(t, tree, "hosts/cp1/kubeadm.yaml", at)+": the image registry.k8s.io/"+image+" is not in the bundle")
	}
}

// Control planes are of one architecture here, workers of two.
func TestImageForOtherProcessors(t *testing.T) {
	p, tree := rendered(t, ha)
	for i := range p.Images {
		p.Images[i].Platforms = []string{"linux/amd64"}
	}
	lacks := func(name string) string {
		return "the bundle has the image " + name + " for linux/amd64, and not for linux/arm64 of w2"
	}
	flannel := func(name string) string {
		for _, i := range p.Images {
			if strings.Contains(i.Name, name) {
				return i.Name
			}
		}
		return name
	}
	plugin, daemon := flannel("cni-plugin"), flannel("flannel:")
	pull := p.Cluster.Pull
	second := change(t, tree, "manifests/flannel.yaml", pull(daemon), strings.Repeat("-", len(pull(daemon))))
	expect(t, p, tree,
		where(t, tree, "hosts/cp1/kubeadm.yaml", pull("registry.k8s.io")+"\n")+": "+lacks("registry.k8s.io/pause:3.10.1"),
		where(t, tree, "hosts/cp1/kubeadm.yaml", "v1.34.4")+": "+lacks("registry.k8s.io/kube-proxy:v1.34.4"),
		where(t, tree, "hosts/cp1/kubeadm.yaml", "v1.12.1")+": "+lacks("registry.k8s.io/coredns/coredns:v1.12.1"),
		where(t, tree, "hosts/w2/config.toml", "sandbox")+": "+lacks("registry.k8s.io/pause:3.10.1"),
		where(t, tree, "manifests/flannel.yaml", pull(plugin))+": "+lacks(plugin),
		where(t, tree, "manifests/flannel.yaml", pull(daemon))+": "+lacks(daemon),
		where(t, second, "manifests/flannel.yaml", pull(daemon))+": "+lacks(daemon),
	)
}

func TestNeedThatThePlanLacks(t *testing.T) {
	p, tree := rendered(t, course)
	for _, name := range []string{"kubernetes-ha1", "kubernetes-ha2"} {
		changeHost(t, p, name, func(h *plan.Host) {
			h.Needs = slices.DeleteFunc(slices.Clone(h.Needs), func(need string) bool { return strings.HasPrefix(need, "haproxy:") })
		})
	}
	const step = "steps/60-haproxy.sh"
	const noUnit = "the unit haproxy.service is not there on " + balancer + ": no step up to this one installs it, and no package of the host's needs or of a minimal rhel brings it"
	expect(t, p, tree,
		where(t, tree, step, "haproxy -c -f")+": haproxy is not there on "+balancer+": no step up to this one brings it, no need of the host names it, and a minimal rhel lacks it",
		where(t, tree, step, "haproxy.service\nserve")+": "+noUnit,
		where(t, tree, step, "haproxy.service reload")+": "+noUnit)
}

func TestNeedsAreThoseOfOneHost(t *testing.T) {
	p, tree := rendered(t, course)
	changeHost(t, p, "kubernetes-ha2", func(h *plan.Host) { h.Needs = nil })
	tree = change(t, tree, "steps/60-haproxy.sh", "haproxy -c -f", "true")
	tree = change(t, tree, "steps/70-keepalived.sh", "enable keepalived.service\n", "")
	tree = change(t, tree, "steps/70-keepalived.sh", "serve keepalived.service reload-or-restart /etc/keepalived/keepalived.conf\n", "")
	problems := []string{}
	for _, unit := range []string{"haproxy.service\nserve", "haproxy.service reload"} {
		problems = append(problems, where(t, tree, "steps/60-haproxy.sh", unit)+": the unit haproxy.service is not there on kubernetes-ha2: no step up to this one installs it, and no package of the host's needs or of a minimal rhel brings it")
	}
	const lacks = "keepalived is not there on kubernetes-ha2: no step up to this one brings it, no need of the host names it, and a minimal rhel lacks it"
	problems = append(problems,
		where(t, tree, "steps/70-keepalived.sh", "keepalived --help")+": "+lacks,
		where(t, tree, "steps/70-keepalived.sh", "keepalived --config-test")+": "+lacks,
		"units/keepalived.service.d/satchel.conf:1:1: the unit keepalived.service, to which this adds, is not there on kubernetes-ha2")
	expect(t, p, tree, problems...)
}

// A step cannot use what a later one brings.
func TestProgramOfALaterStep(t *testing.T) {
	p, tree := rendered(t, single)
	const step = "steps/30-kernel.sh"
	tree = change(t, tree, step, "put \"$HOST_DIR/modules.conf\"", "ctr version; put \"$HOST_DIR/modules.conf\"")
	expect(t, p, tree, where(t, tree, step, "ctr version")+": ctr is not there on cp1 and w1: no step up to this one brings it, no need of the host names it, and a minimal debian lacks it")
}

func TestFileThatTheBundleLacks(t *testing.T) {
	p, tree := rendered(t, single)
	p.Files = slices.DeleteFunc(p.Files, func(f plan.File) bool { return f.Path == "files/amd64/runc" })
	const step = "steps/40-containerd.sh"
	expect(t, p, tree, where(t, tree, step, "\"$BUNDLE/files/$HOST_ARCH/runc\"")+": the bundle has no files/amd64/runc, which is used on cp1 and w1")
}

func TestWhatNoStepUses(t *testing.T) {
	p, tree := rendered(t, single)
	for _, name := range []string{"cp1", "w1"} {
		changeHost(t, p, name, func(h *plan.Host) {
			h.Configs = append(slices.Clone(h.Configs), plan.Config{Path: "extra.conf", Template: "extra.conf.tmpl"})
			h.Files = append(slices.Clone(h.Files), "files/amd64/extra")
		})
		tree = add(tree, "hosts/"+name+"/extra.conf", 0o644, "x\n")
	}
	p.Files = append(p.Files, plan.File{Path: "files/amd64/extra"})
	tree = add(tree, "manifests/extra.yaml", 0o644, "apiVersion: v1\nkind: Namespace\nmetadata: {name: extra}\n")
	tree = add(tree, "steps/97-extra.sh", 0o755, "#!/bin/bash\ntrue\n")
	tree = add(tree, "units/extra.service", 0o644, "[Service]\nExecStart=/bin/true\n")
	expect(t, p, tree,
		"hosts/cp1/extra.conf:1:1: no step that runs on its host uses this file (and in the files of 1 more host)",
		"hosts/cp1/host.env:1:1: the plan lists files/amd64/extra for this host, and no step that runs on it uses it (and in the files of 1 more host)",
		"manifests/extra.yaml:1:1: no step of any host uses this file",
		"steps/97-extra.sh:1:1: no host runs this step",
		"units/extra.service:1:1: no step of any host uses this file")
}

func TestStepThatTheTreeLacks(t *testing.T) {
	p, tree := rendered(t, single)
	tree = slices.DeleteFunc(tree, func(f render.File) bool { return f.Path == "steps/95-ready.sh" })
	expect(t, p, tree, "steps/95-ready.sh:1:1: the bundle has no such step, which cp1 and w1 should run")
}

// Scripts beside install.sh may use what some host has; install.sh runs before all.
func TestScriptsBesideInstall(t *testing.T) {
	p, tree := rendered(t, single)
	tree = add(tree, "look.sh", 0o755, "#!/bin/bash\nkubectl get nodes\njq .\n")
	tree = change(t, tree, "install.sh", "set -euo pipefail\n", "set -euo pipefail\nkubectl get nodes\n")
	expect(t, p, tree,
		where(t, tree, "install.sh", "kubectl")+": kubectl is not there on cp1 and w1: no step up to this one brings it, no need of the host names it, and a minimal debian lacks it",
		"look.sh:3:1: jq is not there on cp1 and w1: no step up to this one brings it, no need of the host names it, and a minimal debian lacks it")
}

func TestScriptOfAHost(t *testing.T) {
	p, tree := rendered(t, course)
	const script = "hosts/kubernetes-ha1/check-haproxy.sh"
	for _, host := range []string{"kubernetes-ha1", "kubernetes-ha2"} {
		tree = change(t, tree, "hosts/"+host+"/check-haproxy.sh", "set -eu\n", "set -eu\njq .\n")
	}
	expect(t, p, tree, where(t, tree, script, "jq")+": jq is not there on "+balancer+": no step up to this one brings it, no need of the host names it, and a minimal rhel lacks it (and in the files of 1 more host)")
}

func TestScriptForAnotherProgram(t *testing.T) {
	p, tree := rendered(t, single)
	tree = add(tree, "look.sh", 0o755, "#!/usr/bin/env python3\n")
	expect(t, p, tree, "look.sh:1:1: it is a script for python3, so nothing proves that it asks for nothing from outside; write it for bash")
}

func TestFetchingCommands(t *testing.T) {
	for code, want := range map[string]string{
		"apt-get update":                                           "apt-get update asks the repositories of the host; give it the bundle's alone, with -o Dir::Etc::SourceList=… or --disablerepo=*",
		"apt-get -y install x":                                     "apt-get install asks the repositories of the host; give it the bundle's alone, with -o Dir::Etc::SourceList=… or --disablerepo=*",
		"apt-get -o Dir::Etc::SourceList=x update":                 "",
		"apt-get -o Debug::x=1 update":                             "apt-get update asks the repositories of the host; give it the bundle's alone, with -o Dir::Etc::SourceList=… or --disablerepo=*",
		"apt-get -y remove x":                                      "",
		"ctr --namespace k8s.io images pull docker.io/library/x:1": "the image docker.io/library/x:1 is not in the bundle",
		"ctr images ls":                                            "",
		"crictl pull registry.k8s.io/pause:3.9":                    "the image registry.k8s.io/pause:3.9 is not in the bundle; of this image it has :3.10.1",
		"crictl pull registry.k8s.io/pause:3.10.1":                 "",
		"crictl pull \"$1\"":                                       "",
		"kubeadm init":                                             "kubeadm init asks the internet for the newest release; give it --config",
		"kubeadm init --config /x":                                 "",
		"kubeadm init phase certs all --config /x":                 "",
		"kubeadm config images pull":                               "kubeadm config images pull asks the internet for the newest release; give it --config",
		"kubeadm config images list --config=/x":                   "",
		"kubeadm upgrade plan":                                     "kubeadm upgrade plan asks the internet for the newest release; name one",
		"kubeadm upgrade plan v1.34.4":                             "",
		"kubectl apply -f https://example.com/x.yaml":              "https://example.com is outside of the cluster, which a host without a network cannot reach",
		"kubectl get --server=https://192.168.56.11:6443 nodes":    "",
	} {
		t.Run(code, func(t *testing.T) {
			p, tree := rendered(t, single)
			const step = "steps/95-ready.sh"
			tree = change(t, tree, step, "wait_for ", code+"\nwait_for ")
			var problems []string
			for _, problem := range check(p, tree) {
				if !strings.Contains(problem, step) {
					t.Error(problem)
				}
				_, message, _ := strings.Cut(problem, ": ")
				problems = append(problems, message)
			}
			if got := strings.Join(problems, "\n"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestReferencesBetweenManifests(t *testing.T) {
	for name, test := range map[string]struct{ from, to, at, want string }{
		"a namespace": {
			"kind: Namespace\nmetadata:\n  name: kube-flannel", "kind: Namespace\nmetadata:\n  name: kube-flannels",
			"", "no manifest makes the namespace kube-flannel, which this is in",
		},
		"a ConfigMap": {
			"configMap:\n            name: kube-flannel-cfg", "configMap:\n            name: kube-flannel-config",
			"kube-flannel-config", "no manifest has the ConfigMap kube-flannel-config in the namespace kube-flannel, and pods do not start without it",
		},
		"an account": {
			"serviceAccountName: flannel", "serviceAccountName: flanel",
			"flanel", "no manifest has the ServiceAccount flanel in the namespace kube-flannel, and pods do not start without it",
		},
		"a Secret of the environment": {
			"            - name: POD_NAME\n", "            - name: X\n              valueFrom: {secretKeyRef: {name: keys, key: x}}\n            - name: POD_NAME\n",
			"keys,", "no manifest has the Secret keys in the namespace kube-flannel, and pods do not start without it",
		},
		"an optional one": {
			"            - name: POD_NAME\n", "            - name: X\n              valueFrom: {secretKeyRef: {name: keys, key: x, optional: true}}\n            - name: POD_NAME\n",
			"", "",
		},
		"a claim": {
			"        - name: run\n          hostPath:\n            path: /run/flannel\n", "        - name: run\n          persistentVolumeClaim:\n            claimName: disk\n",
			"disk", "no manifest has the PersistentVolumeClaim disk in the namespace kube-flannel, and pods do not start without it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, tree := rendered(t, single)
			const path = "manifests/flannel.yaml"
			tree = change(t, tree, path, test.from, test.to)
			var want []string
			switch {
			case test.at != "":
				want = append(want, where(t, tree, path, test.at)+": "+test.want)
			case test.want != "":
				text := string(tree[slices.IndexFunc(tree, func(f render.File) bool { return f.Path == path })].Data)
				for number, line := range strings.Split(text, "\n") {
					if strings.HasPrefix(line, "  namespace: ") {
						want = append(want, fmt.Sprintf("%s:%d:14: %s", path, number+1, test.want))
					}
				}
			}
			expect(t, p, tree, want...)
		})
	}
}

// The user's own manifests may name the outside, and Secrets that are made by hand;
// their images have to be in the bundle all the same.
func TestManifestsOfTheUser(t *testing.T) {
	const text = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: nginx:1.27
      env:
        - name: LOGIN
          value: https://login.example.com/
        - name: KEY
          valueFrom:
            secretKeyRef:
              name: key
              key: key
`
	p, tree := rendered(t, single)
	p.Manifests = append(slices.Clone(p.Manifests), plan.Manifest{Path: "site/web.yaml", Text: []byte(text)})
	tree = change(t, tree, "hosts/cp1/host.env", "MANIFESTS='", "MANIFESTS='site/web.yaml ")
	tree = add(tree, "manifests/site/web.yaml", 0o644, text)
	expect(t, p, tree, "manifests/site/web.yaml:8:14: the image nginx:1.27 is not in the bundle")
	p.Images = append(p.Images, plan.Image{Name: "docker.io/library/nginx:1.27", Platforms: []string{"linux/amd64"}})
	expect(t, p, tree)
}
