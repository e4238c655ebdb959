package render_test

import (
	"os"
	"strings"
	"testing"
)

// A reset that is killed while it removes the last of it is found by the next one.
func TestAResetThatIsKilledAtItsEndIsFinished(t *testing.T) {
	for name, killer := range map[string]string{
		"rm":   `[[ $* == '-rf /var/lib/satchel' ]] && /bin/rm -rf /var/lib/satchel/journal`,
		"find": `[[ $* == *-delete ]] && /bin/rm -rf /var/lib/satchel/journal/former /var/lib/satchel/bundle`,
	} {
		t.Run(name, func(t *testing.T) {
			r := thingRoom(t)
			r.must(t, roomInstall+"cd /var/lib/satchel; mkdir bundle snapshots; echo all secrets >snapshots/a.db; touch harbor restored bundle/x")
			r.write(t, "/opt/bin/"+name, "#!/bin/bash\n"+killer+" && { kill -KILL $PPID; exit 1; }\nexec /bin/"+name+` "$@"`+"\n")
			if out, err := r.run(t, roomReset); err == nil || r.has("/etc/thing") {
				t.Fatalf("it was not killed at its end: %v\n%s", err, out)
			}
			if left := r.has("/var/lib/satchel/snapshots") || r.has("/var/lib/satchel/harbor"); left && !r.has("/var/lib/satchel/journal/log") {
				t.Error("the log has gone before the rest")
			}
			if err := os.Remove(r.dir + "/opt/bin/" + name); err != nil {
				t.Fatal(err)
			}
			r.must(t, roomReset)
			if r.has("/var/lib/satchel") {
				t.Errorf("left: %s", r.must(t, "find /var/lib/satchel"))
			}
			if out := r.must(t, roomReset); !strings.Contains(out, "nothing to take back") {
				t.Error(out)
			}
		})
	}
}

// What an older reset has left without a log goes too, but not what is another cluster's.
func TestAResetRemovesWhatHasNoLog(t *testing.T) {
	r := thingRoom(t)
	r.must(t, "mkdir -p /var/lib/satchel/snapshots; touch /var/lib/satchel/snapshots/a.db; echo other >/var/lib/satchel/cluster")
	r.fails(t, roomReset, "this host belongs to the cluster other")
	r.must(t, "rm /var/lib/satchel/cluster\n/opt/bundle/reset.sh --dry-run --host x")
	if !r.has("/var/lib/satchel/snapshots/a.db") {
		t.Fatal("removed by what should have done nothing")
	}
	r.must(t, roomReset)
	if r.has("/var/lib/satchel") {
		t.Error("it is still there")
	}
}

// A host that is no node any more has no part in the restores of etcd that its cluster had.
func TestAHostThatLeavesForgetsTheRestores(t *testing.T) {
	r := newRoom(t, "05-preflight.sh 80-kubeadm.sh", "CRI_SOCKET='unix:///run/containerd/containerd.sock'")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.must(t, `mkdir -p /var/lib/satchel/journal; touch /var/lib/satchel/kubeadm /var/lib/satchel/restored
echo '1|80-kubeadm|own|-|node|.' >/var/lib/satchel/journal/log
touch /root/changes; SECRETS='' DRY_RUN='' CHANGE_LIST=/root/changes BUNDLE=/opt/bundle HOST_DIR=/opt/bundle/hosts/x bash /opt/bundle/steps/80-kubeadm.sh undo node none`)
	if r.has("/var/lib/satchel/restored") || r.has("/var/lib/satchel/kubeadm") {
		t.Error("they are still there")
	}
}
