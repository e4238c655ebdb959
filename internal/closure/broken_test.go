package closure_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/closure"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

const (
	course   = "../../bundles/course-ha/cluster.cue"
	ha       = "../../testdata/specs/ha/cluster.cue"
	single   = "../../testdata/specs/single/cluster.cue"
	dockerd  = "../../testdata/specs/docker-today/cluster.cue"
	balancer = "kubernetes-ha1 and kubernetes-ha2"
)

// change returns a tree with one text replaced in one file, once.
func change(t *testing.T, tree render.Tree, path, from, to string) render.Tree {
	t.Helper()
	tree = slices.Clone(tree)
	i := slices.IndexFunc(tree, func(f render.File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("the tree has no %s", path)
	}
	if !bytes.Contains(tree[i].Data, []byte(from)) {
		t.Fatalf("%s has no %q:\n%s", path, from, tree[i].Data)
	}
	tree[i].Data = bytes.Replace(tree[i].Data, []byte(from), []byte(to), 1)
	return tree
}

// where is PATH:LINE:COLUMN of a text.
func where(t *testing.T, tree render.Tree, path, text string) string {
	t.Helper()
	for _, f := range tree {
		if f.Path != path {
			continue
		}
		at := bytes.Index(f.Data, []byte(text))
		if at < 0 {
			t.Fatalf("%s has no %q:\n%s", path, text, f.Data)
		}
		before := f.Data[:at]
		return fmt.Sprintf("%s:%d:%d", path, bytes.Count(before, []byte("\n"))+1, at-bytes.LastIndexByte(before, '\n'))
	}
	t.Fatalf("the tree has no %s", path)
	return ""
}

func check(p *plan.Plan, tree render.Tree) []string {
	var list []string
	for _, problem := range closure.Check(p, tree) {
		list = append(list, problem.String())
	}
	return list
}

// expect holds the problems against all that there should be.
func expect(t *testing.T, p *plan.Plan, tree render.Tree, want ...string) {
	t.Helper()
	got := check(p, tree)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// Code that is put into a step of the load balancers.
func TestStepsThatAskTheOutside(t *testing.T) {
	const path = "steps/60-haproxy.sh"
	const lacks = ": no step up to this one brings it, no need of the host names it, and a minimal rhel lacks it"
	const noUnit = ": no step up to this one installs it, and no package of the host's needs or of a minimal rhel brings it"
	const outside = " is outside of the cluster, which a host without a network cannot reach"
	for name, test := range map[string]struct {
		code string
		// at is where the problem is, want what it says.
		at, want string
	}{
		"a program":                {"jq . /etc/x", "jq", "jq is not there on " + balancer + lacks},
		"in a pipe":                {"cat /etc/x | jq .", "jq", "jq is not there on " + balancer + lacks},
		"in a substitution":        {"x=$(echo \"$(jq .)\")", "jq", "jq is not there on " + balancer + lacks},
		"in a function":            {"f() { jq . /etc/x; }\nf", "jq", "jq is not there on " + balancer + lacks},
		"in a condition":           {"if jq . /etc/x; then :; fi", "jq", "jq is not there on " + balancer + lacks},
		"by run":                   {"run jq .", "jq", "jq is not there on " + balancer + lacks},
		"by wait_for":              {"wait_for 'the jq of now' jq .", "jq .", "jq is not there on " + balancer + lacks},
		"as a check of put":        {"put \"$HOST_DIR/hosts\" /etc/x 600 jq -e", "jq", "jq is not there on " + balancer + lacks},
		"by a function of its own": {"twice() { local n=$1; shift; run \"$@\"; }\ntwice 2 jq .", "jq", "jq is not there on " + balancer + lacks},
		"by a trap":                {"trap 'jq .' EXIT", "'jq", "jq is not there on " + balancer + lacks},
		"by a trap that is a text": {"trap \"$(cat /etc/x)\" EXIT", "\"$(cat", "which program $(cat /etc/x) is cannot be known before it runs, so nothing proves that the host has it"},
		"after a question":         {"command -v yq >/dev/null || exit 0\njq .", "jq", "jq is not there on " + balancer + lacks},
		"by a question for others": {"if command -v yq || command -v jq; then jq .; fi", "jq .", "jq is not there on " + balancer + lacks},
		"by another shell":         {"bash -c \"jq . $HOST_NAME\"", "\"jq", "jq is not there on " + balancer + lacks},
		"by timeout":               {"timeout -k 1 5 env A=1 jq .", "jq", "jq is not there on " + balancer + lacks},
		"by xargs":                 {"xargs -n 1 jq </etc/x", "jq", "jq is not there on " + balancer + lacks},
		"by find":                  {"find / -exec jq {} +", "jq", "jq is not there on " + balancer + lacks},
		"by a variable":            {"tool=jq\n\"$tool\" .", "\"$tool", "jq is not there on " + balancer + lacks},
		"by a list":                {"for tool in grep jq; do\n\t$tool x\ndone", "$tool", "jq is not there on " + balancer + lacks},
		"by an array":              {"tool=(jq .)\n\"${tool[@]}\" x", "jq", "jq is not there on " + balancer + lacks},
		"of another host":          {"kubectl get nodes", "kubectl", "kubectl is not there on " + balancer + lacks},
		"of another place":         {"/usr/local/bin/satchel version", "/usr", "/usr/local/bin/satchel is not there on " + balancer + ": no step puts it there, and it is not where packages put programs"},
		"on hosts of one kind":     {"if [[ $HOST_NAME == *-ha2 ]]; then jq .; fi", "jq", "jq is not there on kubernetes-ha2" + lacks},
		"unknown":                  {"\"$(cat /etc/x)\" a", "\"$(cat", "which program \"$(cat /etc/x)\" is cannot be known before it runs, so nothing proves that the host has it"},
		"eval":                     {"eval \"$(cat /etc/x)\"", "\"$(cat", "which program $(cat /etc/x) is cannot be known before it runs, so nothing proves that the host has it"},
		"eval of more":             {"eval jq \"$x\"", "eval", "what eval runs cannot be known before it runs; write the command out"},
		"eval of a text":           {"eval 'jq .'", "'jq", "jq is not there on " + balancer + lacks},
		"a file":                   {"put_binary \"$BUNDLE/files/$HOST_ARCH/missing\" /usr/local/bin/x", "\"$BUNDLE/files", "the bundle has no files/amd64/missing, which is used on " + balancer},
		"a file by a loop":         {"for f in steps/lib.sh steps/none.sh; do cat \"$BUNDLE/$f\"; done", "\"$BUNDLE/$f", "the bundle has no steps/none.sh, which is used on " + balancer},
		"a redirection":            {"read -r x <\"$BUNDLE/manifests/none.yaml\"", "\"$BUNDLE/man", "the bundle has no manifests/none.yaml, which is used on " + balancer},
		"another host's file":      {"put_binary \"$BUNDLE/files/$HOST_ARCH/kubectl\" /usr/local/bin/kubectl", "\"$BUNDLE/files", "files/amd64/kubectl is used here, and the plan does not list it for " + balancer + ", so install.sh does not check it there"},
		"another host's config":    {"put \"$HOST_DIR/kubeadm.yaml\" /etc/x", "\"$HOST_DIR/kubeadm", "the bundle has no kubeadm.yaml for " + balancer},
		"the images":               {"cat \"$BUNDLE/images/index.json\"", "\"$BUNDLE/images", "the images of the bundle are used here, and the plan does not say so of " + balancer + ", so install.sh does not check them there"},
		"a unit":                   {"enable nginx.service", "nginx", "the unit nginx.service is not there on " + balancer + noUnit},
		"a unit by systemctl":      {"run systemctl restart --quiet nginx.service", "nginx", "the unit nginx.service is not there on " + balancer + noUnit},
		"a unit of another host":   {"serve docker.service restart x", "docker", "the unit docker.service is not there on " + balancer + noUnit},
		"a download":               {"curl -fsSLo /tmp/x https://example.com/x", "https://", "https://example.com" + outside},
		"a download without it":    {"curl -o /tmp/a.b example.com/x", "example.com", "example.com" + outside},
		"a repository":             {"yum -y install jq", "-y", "yum install asks the repositories of the host; give it the bundle's alone, with -o Dir::Etc::SourceList=… or --disablerepo=*"},
	} {
		t.Run(name, func(t *testing.T) {
			p, tree := rendered(t, course)
			tree = change(t, tree, path, "enable haproxy.service", test.code+"\nenable haproxy.service")
			expect(t, p, tree, where(t, tree, path, test.at)+": "+test.want)
		})
	}
}

// Code that looks like asking the outside and is not.
func TestStepsThatAskNothing(t *testing.T) {
	for name, code := range map[string]string{
		"a guard":                    "if command -v jq >/dev/null; then jq .; fi",
		"a guard that leaves":        "command -v jq >/dev/null || exit 0\njq .",
		"a guard of a function":      "f() { jq .; }\nif command -v jq; then f; fi",
		"a guard of two":             "if [[ -n $1 ]] && command -v jq; then jq .; fi",
		"a guard of a unit":          "if systemctl is-active --quiet nginx.service; then systemctl reload nginx.service; fi",
		"no trap":                    "trap - EXIT",
		"a host of another kind":     "if [[ \" $HOST_ROLES \" == *' worker '* ]]; then jq .; fi",
		"a case of another kind":     "case $HOST_ARCH:$1 in\narm64:*) jq . ;;\namd64:*) ;;\nesac",
		"a file that is not there":   "if [[ -f $HOST_DIR/jq.conf ]]; then jq . \"$HOST_DIR/jq.conf\"; fi",
		"a function that none calls": "f() { jq .; }",
		"a function that one calls":  "f() { jq .; }\nif [[ $HOST_ARCH == arm64 ]]; then f; fi",
		"a variable that one sets":   "tool=jq\nif [[ $HOST_ARCH == amd64 ]]; then tool=sed; fi\n$tool x",
		"the host's choice":          "unit=nginx.service\nif [[ -d /etc/haproxy ]]; then unit=haproxy.service; fi\nsystemctl restart \"$unit\"",
		"its own address":            "curl \"http://10.0.0.200:9999/live\" http://localhost/ \"http://$HOST_ADDRESS/\" http://kubernetes-ha1/",
		"an option's value":          "curl --max-time 1.5 -o a.tar http://localhost/",
		"the bundle's repository":    "yum --disablerepo='*' -y install ./x.rpm",
		"a comment":                  "# see https://example.com/ and jq",
		"a text":                     "printf '%s\\n' 'no jq in $BUNDLE/files/none here'",
		"a builtin":                  "mapfile -t list </etc/x",
		"assignments alone":          "A=jq B=$BUNDLE/files/none",
		"the arguments":              "missing() { ! \"$@\"; }\nmissing sed x",
	} {
		t.Run(name, func(t *testing.T) {
			p, tree := rendered(t, course)
			expect(t, p, change(t, tree, "steps/60-haproxy.sh", "enable haproxy.service", code+"\nenable haproxy.service"))
		})
	}
}

// Texts that are changed in one file.
func TestFilesThatAskTheOutside(t *testing.T) {
	const flannel = "docker.io/rancher/mirrored-flannelcni-flannel"
	for name, test := range map[string]struct {
		spec, path, from, to string
		at, want             string
	}{
		"another tag": {
			course, "manifests/flannel.yaml", flannel + ":v0.18.1", flannel + ":v0.18.2",
			"REGISTRY/" + flannel + ":v0.18.2", "the image REGISTRY/" + flannel + ":v0.18.2 is not in the bundle; of this image it has :v0.18.1",
		},
		"another registry": {
			course, "manifests/flannel.yaml", "REGISTRY/" + flannel + ":v0.18.1", flannel + ":v0.18.1",
			flannel + ":v0.18.1", "the image " + flannel + ":v0.18.1 is not in the bundle; hosts pull it as REGISTRY/" + flannel + ":v0.18.1",
		},
		"kubeadm's etcd": {
			single, "hosts/cp1/kubeadm.yaml", "imageTag: 3.6.5-0", "imageTag: 3.6.4-0",
			"3.6.4-0", "the image registry.k8s.io/etcd:3.6.4-0 is not in the bundle; of this image it has :3.6.5-0",
		},
		"kubeadm's CoreDNS": {
			single, "hosts/cp1/kubeadm.yaml", "imageTag: v1.12.1", "imageTag: v1.12.0",
			"v1.12.0", "the image registry.k8s.io/coredns/coredns:v1.12.0 is not in the bundle; of this image it has :v1.12.1",
		},
		"kubeadm's CoreDNS at another place": {
			ha, "hosts/cp1/kubeadm.yaml", "registry.k8s.io/coredns\n", "registry.k8s.io\n",
			"v1.12.1", "the image REGISTRY/registry.k8s.io/coredns:v1.12.1 is not in the bundle",
		},
		"kubeadm's release": {
			single, "hosts/cp1/kubeadm.yaml", "kubernetesVersion: v1.34.4", "kubernetesVersion: stable-1.34",
			"stable-1.34", "kubernetesVersion must be a release such as v1.34.4; otherwise kubeadm asks the internet for one",
		},
		"the sandbox of containerd 2": {
			ha, "hosts/cp1/config.toml", "/pause:3.10.1", "/pause:3.9",
			"sandbox =", "the image REGISTRY/registry.k8s.io/pause:3.9 is not in the bundle; of this image it has :3.10.1",
		},
		"the sandbox of another version": {
			ha, "hosts/cp1/config.toml", "version = 3", "version = 2",
			"sandbox =", "containerd ignores plugins.io.containerd.cri.v1.images.pinned_images.sandbox in a configuration of version 2 and pulls its own sandbox image from registry.k8s.io",
		},
		"a key twice": {
			ha, "hosts/cp1/config.toml", "version = 3", "version = 3\nversion = 3",
			"version = 3\nversion", "it cannot be read as TOML: key version is already defined",
		},
		"cri-dockerd": {
			dockerd, "hosts/cp1/cri-docker.service", " --pod-infra-container-image=", " --other=",
			"/usr/local/bin/cri-dockerd", "cri-dockerd gets no --pod-infra-container-image, so it pulls its own pause image from registry.k8s.io",
		},
		"a static pod": {
			"../../testdata/specs/harbor-tls/cluster.cue", "hosts/cp1/kube-vip.yaml", "ghcr.io/kube-vip/kube-vip:v", "ghcr.io/kube-vip/kube-vipp:v",
			"REGISTRY/ghcr.io", "the image REGISTRY/ghcr.io/kube-vip/kube-vipp:v1.2.3 is not in the bundle",
		},
		"a URL in a configuration": {
			course, "hosts/kubernetes-ha1/haproxy.cfg", "    monitor-uri /live", "    errorloc 503 https://example.com/sorry\n    monitor-uri /live",
			"https://", "https://example.com is outside of the cluster, which a host without a network cannot reach",
		},
		"a URL with everything": {
			course, "hosts/kubernetes-node1/daemon.json", `"storage-driver"`, `"x": "tcp://me:pw@192.0.2.1:2375/#a", "storage-driver"`,
			"tcp://", "tcp://192.0.2.1 is outside of the cluster, which a host without a network cannot reach",
		},
		"a program of a unit": {
			course, "units/kubelet.service", "ExecStart=/usr/local/bin/kubelet", "ExecStart=/usr/bin/kubelet",
			"/usr/bin/kubelet", "/usr/bin/kubelet is not there on kubernetes-master1 and 5 more hosts: no step puts it there, and it is not where packages put programs",
		},
		"code in a unit": {
			course, "hosts/kubernetes-node1/satchel-routes.service", "ip -4 route add", "jq . && ip -4 route add",
			"/bin/sh -c", "jq is not there on kubernetes-node1: no step up to this one brings it, no need of the host names it, and a minimal rhel lacks it",
		},
		"a unit of a unit": {
			course, "units/docker.service", "Requires=docker.socket", "Requires=docker.socket fuse.service",
			"docker.socket fuse", "the unit fuse.service is not there on kubernetes-master1 and 6 more hosts, and this one does not start without it",
		},
		"a line that is no unit's": {
			course, "units/docker.service", "Type=notify", "Type=notify\nRestart",
			"Restart\n", "this line is neither [SECTION] nor NAME=VALUE, and systemd ignores it",
		},
		"code in host.env": {
			course, "hosts/kubernetes-ha1/host.env", "HOST_ARCH='amd64'", "HOST_ARCH='amd64'\nX=$(jq .)",
			"X=", "this line is not NAME='VALUE', and the steps would run what it says",
		},
		"no shell": {
			course, "steps/60-haproxy.sh", "enable haproxy.service", "enable haproxy.service\nif",
			"if\n", "it cannot be read as a shell script: `if <cond>` must be followed by `then`",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, tree := rendered(t, test.spec)
			pull := strings.NewReplacer("REGISTRY/", strings.TrimSuffix(p.Cluster.Pull("x"), "x")).Replace
			tree = change(t, tree, test.path, pull(test.from), pull(test.to))
			expect(t, p, tree, where(t, tree, test.path, pull(test.at))+": "+pull(test.want))
		})
	}
}
