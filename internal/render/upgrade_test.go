package render_test

import (
	"fmt"
	"strings"
	"testing"
)

// upgrades is what kubeadm does to the first control plane: the API server first, and its own
// configuration after the other parts. With the file cut it is killed in between, with all
// that it belongs to.
const upgrades = `[[ "$*" == 'upgrade apply v1.34.4 --yes '* ]] || exit 0
replace() { sed -i "s|\(image: .*/$1\):.*|\1:$2|" "$DIR/kubernetes/manifests/$1.yaml"; }
replace etcd "$(sed -n '/^etcd:/,$s/^ *imageTag: //p' "$DIR/configuration")"
replace kube-apiserver v1.34.4
if [[ -e "$DIR/cut" ]]; then kill -KILL 0; fi
replace kube-controller-manager v1.34.4
replace kube-scheduler v1.34.4
sed -i 's/^kubernetesVersion: .*/kubernetesVersion: v1.34.4/' "$DIR/configuration"
echo "renewed with $(wc -l <"$DIR/calls") calls" >"$DIR/kubernetes/admin.conf"
`

// upgraded holds that kubeadm has come to its end.
func (n node) upgraded(t *testing.T) {
	t.Helper()
	for part, tag := range map[string]string{"kube-apiserver": "v1.34.4", "kube-controller-manager": "v1.34.4", "kube-scheduler": "v1.34.4", "etcd": "3.6.5-0"} {
		if text := n.read(t, "kubernetes/manifests/"+part+".yaml"); !strings.Contains(text, "/"+part+":"+tag+"\n") {
			t.Errorf("%s is not at %s:\n%s", part, tag, text)
		}
	}
	if got, want := n.read(t, "configuration"), fmt.Sprintf(configuration, "1.34.4", "v1.12.1", "3.6.5-0", "registry.k8s.io"); got != want {
		t.Errorf("the cluster's configuration is\n%s", got)
	}
	if got := n.read(t, "state/upgrade"); got != "done 1.34.4\n" {
		t.Errorf("noted is %q", got)
	}
}

func TestAnUpgradeThatWasCutOffGoesOn(t *testing.T) {
	n := newNode(t)
	n.answers(t, "kubeadm", upgrades)
	n.write(t, "cut", "")
	n.write(t, "state/snapshots/before-1.34.4.db", "of another attempt, long ago\n")
	if out, err := n.run(t, "upgrade.sh"); err == nil || n.called(t, "upgrade apply") != 1 {
		t.Fatalf("it was not cut off: %v\n%s", err, out)
	}
	if got := n.read(t, "state/snapshots/before-1.34.4.db"); got != "snapshot 1\n" {
		t.Errorf("saved is %q", got)
	}
	if err := removeFile(n, "cut"); err != nil {
		t.Fatal(err)
	}
	says(t, n.must(t, "upgrade.sh"), "cp1: Kubernetes 1.34.4")
	if n.called(t, "upgrade apply") != 1 {
		t.Error("the rest of kubeadm's upgrade was skipped")
	}
	n.upgraded(t)
	if got := n.read(t, "state/snapshots/before-1.34.4.db"); got != "snapshot 1\n" {
		t.Errorf("what was saved before the upgrade became %q", got)
	}
	says(t, n.must(t, "upgrade.sh"), "nothing to change")
	if n.called(t, "upgrade apply") != 0 {
		t.Error("an upgrade that was through is made again")
	}
}

// Where the script of another version of satchel noted nothing, what is there decides.
func TestAnUpgradeThatNotedNothingIsMadeAgain(t *testing.T) {
	n := newNode(t)
	n.answers(t, "kubeadm", upgrades)
	n.part(t, "kube-apiserver", "v1.34.4")
	n.must(t, "upgrade.sh")
	if n.called(t, "upgrade apply") != 1 {
		t.Error("the rest of kubeadm's upgrade was skipped")
	}
	n.upgraded(t)

	if err := removeFile(n, "state/upgrade"); err != nil {
		t.Fatal(err)
	}
	n.must(t, "upgrade.sh")
	if n.called(t, "upgrade apply") != 0 {
		t.Error("a cluster of this release is upgraded")
	}
}

// Checks of kubeadm that do not pass change nothing: the next attempt saves etcd anew.
func TestAnUpgradeThatDidNotBegin(t *testing.T) {
	n := newNode(t)
	n.answers(t, "kubeadm", "echo 'Some fatal errors occurred'; exit 1")
	// It tries for five minutes; the clock of the script is set to their end.
	n.edit(t, "steps/turn.sh", "SECONDS - begin >= 300", "SECONDS - begin >= 0")
	n.fails(t, "kubeadm upgrade failed on cp1", "upgrade.sh")
	if got := n.read(t, "state/upgrade"); !strings.Contains(got, "no such file") {
		t.Errorf("noted is %q", got)
	}
	n.answers(t, "kubeadm", upgrades)
	n.must(t, "upgrade.sh")
	if got := n.read(t, "state/snapshots/before-1.34.4.db"); got != "snapshot 2\n" {
		t.Errorf("saved is %q", got)
	}
}

func TestADryRunOfAnUpgrade(t *testing.T) {
	n := newNode(t)
	n.write(t, "pods", "default|web-1|ReplicaSet|Running\nkube-system|proxy|DaemonSet|Running\ndefault|done|-|Succeeded\n")
	before := n.tree(t)
	says(t, n.must(t, "upgrade.sh", "--dry-run"), "would save etcd to "+n.dir+"/state/snapshots/before-1.34.4.db", "would run: kubeadm upgrade apply v1.34.4 --yes",
		"would drain cp1, of: default/web-1 \n", "would change kubelet", "cp1: 1 to change")
	n.write(t, "pods", "default|lonely||Running\n")
	n.fails(t, "these pods of cp1 have nothing that would start them elsewhere: default/lonely", "upgrade.sh", "--dry-run")
	says(t, n.must(t, "upgrade.sh", "--dry-run", "--force"), "would drain cp1, of: default/lonely \n")
	for release, want := range map[string]string{
		"1.32.9": "this node has Kubernetes 1.32.9, and the bundle has 1.34.4: that skips a minor release. Go to 1.33 first. Nothing was changed",
		"1.35.0": "which is older: kubeadm does not go back",
	} {
		n.write(t, "kubelet-release", release+"\n")
		n.fails(t, want, "upgrade.sh", "--dry-run")
	}
	n.answers(t, "kubectl", "exit 1")
	n.fails(t, "the API server at 10.0.0.11:6443 does not answer cp1", "upgrade.sh", "--dry-run")
	n.answers(t, "kubectl", n.cluster())
	n.write(t, "kubelet-release", "1.34.2\n")
	n.write(t, "pods", "default|web-1|ReplicaSet|Running\nkube-system|proxy|DaemonSet|Running\ndefault|done|-|Succeeded\n")
	if after := n.tree(t); after != before {
		t.Errorf("it changed something:\n%s\n%s", before, after)
	}
	for _, change := range []string{"upgrade apply", " cordon ", "snapshot save", " patch ", " annotate "} {
		if strings.Contains(n.read(t, "calls"), change) {
			t.Errorf("it called %q", change)
		}
	}
}

// A request that fails tells nothing of the pods, nor of who cordoned the node.
func TestDrainWaitsForAnswers(t *testing.T) {
	n := newNode(t)
	n.write(t, "pods", "default|web-1|ReplicaSet|Running\n")
	n.answers(t, "kubectl", `tries() { echo x >>"$DIR/tries-$1"; wc -l <"$DIR/tries-$1"; }
case "$*" in
*'{.spec.unschedulable}') (($(tries node) > 1)) || exit 1; printf true; exit ;;
*' get pods '*) n=$(tries pods); ((n != 1 && n != 3)) || exit 1 ;;
*' cordon '*) (($(tries cordon) > 1)) || exit 1 ;;
esac
`+n.cluster())
	n.answers(t, "kubeadm", upgrades)
	says(t, n.must(t, "upgrade.sh"), "note: an administrator has cordoned cp1; it stays so")
	if n.called(t, " uncordon ") != 0 {
		t.Error("it uncordoned a node that an administrator had cordoned")
	}
	if got := n.read(t, "pods"); !strings.Contains(got, "no such file") {
		t.Errorf("pods were left: %s", got)
	}
}

// What was waited for in vain is told, with the script that was run.
func TestAnUpgradeThatWaitsInVain(t *testing.T) {
	n := newNode(t)
	n.edit(t, "steps/lib.sh", "${SATCHEL_WAIT:-900}", "1")
	n.answers(t, "kubectl", "exit 1")
	n.fails(t, "the API server at 10.0.0.11:6443 did not come within 1 seconds; see to it and run upgrade.sh again", "upgrade.sh")
}

// Control planes whose kubelets have the release already do not replace their etcd at once.
func TestControlPlanesAreNotUpgradedAtOnce(t *testing.T) {
	n := newNode(t)
	n.edit(t, "hosts/cp1/host.env", "KUBEADM='init'\nJOIN_AFTER=''", "KUBEADM='join'\nJOIN_AFTER='10.0.0.12:6443'")
	n.edit(t, "hosts/cp1/kubeadm.yaml", "etcd:", "none:")
	n.write(t, "kubelet-release", "1.34.4\n")
	n.write(t, "configuration", fmt.Sprintf(configuration, "1.34.4", "v1.12.1", "3.6.5-0", "registry.k8s.io"))
	for _, part := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		n.part(t, part, "v1.34.4")
	}
	n.answers(t, "kubectl", `images() { printf 'k/kube-apiserver:v1.34.4 k/kube-controller-manager:v1.34.4 k/kube-scheduler:v1.34.4 k/etcd:%s ' "$1"; }
case "$*" in
*' get nodes '*) printf 'cp0|v1.34.4|True||10.0.0.12|\n'; exit ;;
*' get pods etcd-cp0 '*)
	echo x >>"$DIR/asked"
	case $(wc -l <"$DIR/asked") in 1) exit 1 ;; 2) images 3.5.24-0 ;; *) images 3.6.5-0 ;; esac
	exit ;;
esac
`+n.cluster())
	n.answers(t, "kubeadm", `[[ "$*" == 'upgrade node '* ]] || exit 0
sed -i 's|/etcd:.*|/etcd:3.6.5-0|' "$DIR/kubernetes/manifests/etcd.yaml"
`)
	says(t, n.must(t, "upgrade.sh"), "waiting for the control plane at 10.0.0.12:6443, which comes before this one")
	calls := n.lines(t, "get pods etcd-cp0", "kubeadm upgrade node")
	if len(calls) != 4 || !strings.HasPrefix(calls[3], "kubeadm upgrade node") {
		t.Errorf("the calls are\n%s", strings.Join(calls, "\n"))
	}
	n.must(t, "upgrade.sh")
	if calls := n.lines(t, "get pods etcd-cp0", "kubeadm upgrade node"); len(calls) != 0 {
		t.Errorf("the calls of another run are\n%s", strings.Join(calls, "\n"))
	}
}
