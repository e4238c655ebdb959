package render_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/satchel-kit/satchel/templates"
)

// node is a control plane as its scripts see it: the bundle's real scripts, with the paths
// that they use in a directory of the test's, and stand-ins for the programs that need a
// cluster. Each stand-in notes in calls how it was called and answers as the test says.
type node struct{ dir string }

const nodeEnv = `CLUSTER_NAME='c'
BUNDLE_VERSION='1'
HOST_NAME='cp1'
HOST_ADDRESS='10.0.0.11'
HOST_ARCH='amd64'
HOST_ROLES='control-plane'
HOST_STEPS='10-a.sh'
HOST_FILES='files/amd64/kubeadm'
HOST_IMAGES=''
REGISTRY=''
API='10.0.0.11:6443'
KUBEADM='init'
JOIN_AFTER=''
CRI_SOCKET='unix:///run/containerd/containerd.sock'
KUBERNETES_VERSION='1.34.4'
CONTROL_PLANES='10.0.0.11:6443'
IGNORED_ERRORS=''
ETCD_MEMBERS='cp1=https://10.0.0.11:2380'
`

const configuration = `apiVersion: kubeadm.k8s.io/v1beta4
dns:
  imageRepository: %[4]s/coredns
  imageTag: %[2]s
etcd:
  local:
    dataDir: /var/lib/etcd
    imageTag: %[3]s
imageRepository: %[4]s
kubernetesVersion: v%[1]s
`

// newNode is one of the release 1.34.2, with a bundle of 1.34.4.
func newNode(t *testing.T) node {
	t.Helper()
	need(t, "bash", "bash")
	n := node{t.TempDir()}
	paths := strings.NewReplacer("/var/lib/satchel-kept", n.dir+"/kept", "/var/lib/satchel", n.dir+"/state", "/run/satchel", n.dir+"/run/satchel",
		"find /run ", "find "+n.dir+"/run ", "/etc/kubernetes", n.dir+"/kubernetes", "/var/log/satchel", n.dir+"/log", "/root/.kube", n.dir+"/.kube",
		"/var/lib/etcd", n.dir+"/etcd", "/var/lib/kubelet", n.dir+"/kubelet", "/usr/local/bin", n.dir+"/bin", "((EUID == 0))", "((0 == 0))")
	sums := ""
	bundle := func(name, text string) {
		n.write(t, "bundle/"+name, text)
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(text)), name)
	}
	err := fs.WalkDir(templates.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".sh" || (filepath.Dir(name) != "." && filepath.Dir(name) != "steps") {
			return err
		}
		text, err := templates.FS.ReadFile(name)
		bundle(name, paths.Replace(string(text)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// The one step of the host does what the kubelet's new release does.
	bundle("steps/10-a.sh", `. "$BUNDLE/steps/lib.sh"
if [[ $(cat "`+n.dir+`/kubelet-release") != 1.34.4 ]]; then changed kubelet; [[ -n $DRY_RUN ]] || echo 1.34.4 >"`+n.dir+`/kubelet-release"; fi
`)
	bundle("hosts/cp1/host.env", nodeEnv)
	bundle("hosts/cp1/kubeadm.yaml", "kind: InitConfiguration\n---\n"+fmt.Sprintf(configuration, "1.34.4", "v1.12.1", "3.6.5-0", "registry.k8s.io"))
	bundle("files/amd64/kubeadm", n.standIn("kubeadm"))
	n.write(t, "bundle/SHA256SUMS", sums)

	for _, name := range []string{"kubectl", "kubeadm", "crictl", "ctr", "systemctl"} {
		n.write(t, "bin/"+name, n.standIn(name))
		if err := os.Chmod(filepath.Join(n.dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
		n.answers(t, name, "")
	}
	for _, dir := range []string{"run", "etcd", "kubelet"} {
		if err := os.MkdirAll(filepath.Join(n.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n.write(t, "state/host", "cp1\n")
	n.write(t, "state/kubeadm", "c\n")
	n.write(t, "state/journal/log", "")
	n.write(t, "kubernetes/admin.conf", "the administrator's\n")
	n.write(t, "kubernetes/kubelet.conf", "the kubelet's\n")
	n.write(t, "kubelet-release", "1.34.2\n")
	n.write(t, "configuration", fmt.Sprintf(configuration, "1.34.2", "v1.12.0", "3.5.24-0", "k8s.gcr.io"))
	for _, part := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		n.part(t, part, "v1.34.2")
	}
	n.part(t, "etcd", "3.5.24-0")
	n.answers(t, "crictl", n.etcd())
	n.answers(t, "kubectl", n.cluster())
	n.answers(t, "kubeadm", "")
	return n
}

func (n node) standIn(name string) string {
	return "#!/bin/bash\nDIR='" + n.dir + "'\nprintf '%s\\n' \"" + name + " $*\" >>\"$DIR/calls\"\n. \"$DIR/answers/" + name + "\"\n"
}

// answers says what a stand-in does: a script, with the program's arguments.
func (n node) answers(t *testing.T, name, script string) { n.write(t, "answers/"+name, script) }

func (n node) write(t *testing.T, name, text string) { library(n).write(t, name, text) }
func (n node) read(t *testing.T, name string) string { return library(n).read(t, name) }

func (n node) part(t *testing.T, name, tag string) {
	n.write(t, "kubernetes/manifests/"+name+".yaml", "spec:\n  containers:\n  - command:\n    - "+name+"\n    - --name=cp1\n    - --initial-advertise-peer-urls=https://10.0.0.11:2380\n    image: reg:5000/k/"+name+":"+tag+"\n")
}

// etcd answers as crictl does where etcd runs. What it saves tells the how manieth time it is.
func (n node) etcd() string {
	return `case "$*" in
'ps '*) [[ ! -f "$DIR/kubernetes/manifests/etcd.yaml" ]] || echo 1 ;;
*' snapshot save '*)
	echo x >>"$DIR/saves"
	[[ ! -e "$DIR/etcd-fails" ]] || { echo 'etcd does not answer' >&2; exit 1; }
	echo "snapshot $(wc -l <"$DIR/saves")" >"${@: -1}" ;;
*' member list') echo '1, started, cp1, https://10.0.0.11:2380, https://10.0.0.11:2379, false'; echo '2f, started, cp2, https://10.0.0.12:2380, https://10.0.0.12:2379, false' ;;
esac
`
}

// cluster answers as kubectl does of a cluster of this node, whose pods are in the file pods.
func (n node) cluster() string {
	return `release() { sed -n "s/^ *image: .*:v//p" "$DIR/kubernetes/manifests/$1.yaml"; }
case "$*" in
*'get --raw /version'*) printf '{"gitVersion": "v%s"}\n' "$(release kube-apiserver)" ;;
*'get --raw /readyz'*) ;;
*' patch configmap kubeadm-config '*) printf '%b' "$(sed 's/^{"data":{"ClusterConfiguration":"//; s/"}}$//' <<<"${@: -1}")" >"$DIR/configuration" ;;
*'get configmap kubeadm-config '*) cat "$DIR/configuration" ;;
*'get daemonset kube-proxy '*) printf 'reg:5000/k/kube-proxy:v%s' "$(sed -n 's/^kubernetesVersion: v//p' "$DIR/configuration")" ;;
*'{.status.nodeInfo.kubeletVersion}') printf 'v%s' "$(cat "$DIR/kubelet-release")" ;;
*'?(@.type=="Ready")].status}') printf True ;;
*' get nodes '*) printf 'cp1|v%s|True||10.0.0.11|\n' "$(cat "$DIR/kubelet-release")" ;;
*' get pods '*) [[ ! -f "$DIR/pods" ]] || cat "$DIR/pods" ;;
*' create --raw '*) rm -f "$DIR/pods" ;;
esac
`
}

// run starts a script of the bundle in a process group of its own.
func (n node) run(t *testing.T, script string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("bash", append([]string{filepath.Join(n.dir, "bundle", script)}, args...)...)
	cmd.Dir = n.dir
	cmd.Env = append(os.Environ(), "PATH="+n.dir+"/bin:"+os.Getenv("PATH"), "SATCHEL_WAIT=20", "SATCHEL_DRAIN=20")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (n node) must(t *testing.T, script string, args ...string) string {
	t.Helper()
	out, err := n.run(t, script, args...)
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", script, args, err, out)
	}
	return out
}

func (n node) fails(t *testing.T, want, script string, args ...string) {
	t.Helper()
	out, err := n.run(t, script, args...)
	if err == nil || !strings.Contains(out, want) {
		t.Errorf("%s %v: %v, and not %q:\n%s", script, args, err, want, out)
	}
}

// called counts the calls that have the text, and forgets all calls.
func (n node) called(t *testing.T, text string) int {
	t.Helper()
	count := 0
	for line := range strings.Lines(n.read(t, "calls")) {
		if strings.Contains(line, text) {
			count++
		}
	}
	n.write(t, "calls", "")
	return count
}

// tree is all that the node has, but for the stand-ins' notes.
func (n node) tree(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("bash", "-c", `cd "$1" && find . ! -name calls ! -name saves ! -name . \( -type f -exec sha256sum {} + -o -print \) | sort`, "tree", n.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// edit changes a script of the bundle.
func (n node) edit(t *testing.T, name, old, new string) {
	t.Helper()
	text := n.read(t, "bundle/"+name)
	if !strings.Contains(text, old) {
		t.Fatalf("%s has no %q", name, old)
	}
	changed := strings.ReplaceAll(text, old, new)
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	n.write(t, "bundle/"+name, changed)
	n.write(t, "bundle/SHA256SUMS", strings.ReplaceAll(n.read(t, "bundle/SHA256SUMS"), sum(text), sum(changed)))
}

func removeFile(n node, name string) error { return os.Remove(filepath.Join(n.dir, name)) }

func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

func mode(t *testing.T, file string) os.FileMode {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
