package render_test

import (
	"strings"
	"testing"
)

// A single step is preceded by the checks, and makes our directory as a whole install does.
func TestASingleStepComesAfterTheChecks(t *testing.T) {
	r := thingRoom(t)
	for _, how := range []string{"--only thing", "--from 50-thing"} {
		r.must(t, "rm -rf /var/lib/satchel; mkdir /var/lib/satchel; echo other >/var/lib/satchel/cluster")
		r.fails(t, "/opt/bundle/install.sh --host x "+how, "this host belongs to the cluster other")
		if r.has("/etc/thing") {
			t.Fatal("the host was changed")
		}
	}
	r.must(t, "rm -rf /var/lib/satchel; umask 077; /opt/bundle/install.sh --host x --only thing")
	if got := r.must(t, "stat -c '%a %n' /var/lib/satchel /var/lib/satchel/journal /var/lib/satchel/journal/log; cat /var/lib/satchel/cluster /var/lib/satchel/host"); got !=
		"755 /var/lib/satchel\n700 /var/lib/satchel/journal\n600 /var/lib/satchel/journal/log\nc\nx\n" {
		t.Errorf("it is\n%s", got)
	}
	if out := r.must(t, "/opt/bundle/install.sh --host x --only preflight; /opt/bundle/install.sh --host x --from preflight"); strings.Count(out, "--- ") != 3 {
		t.Errorf("the steps were\n%s", out)
	}
	// One that an older bundle closed is opened.
	if got := r.must(t, "chmod 700 /var/lib/satchel\n"+roomInstall+"stat -c %a /var/lib/satchel"); !strings.HasSuffix(got, "nothing to change\n755\n") {
		t.Errorf("it is\n%s", got)
	}
}

// Files of runs that were killed go, those of runs beside this one stay.
func TestFilesOfRunsBesideThisOneStay(t *testing.T) {
	r := thingRoom(t)
	r.must(t, `sleep 60 >/dev/null 2>&1 & living=$!
sleep 0 & dead=$!; wait $dead
mkdir /run/satchel.$living.abcdefgh /run/satchel.$dead.abcdefgh; touch /run/satchel.$dead.ijklmnop /run/satchel.something
`+roomInstall+`kill $living
test -d /run/satchel.$living.abcdefgh; test -e /run/satchel.something
test ! -e /run/satchel.$dead.abcdefgh; test ! -e /run/satchel.$dead.ijklmnop
rm -r /run/satchel.$living.abcdefgh; test "$(ls /run/satchel.*)" = "$(printf '/run/satchel.lock\n/run/satchel.something')"`)
}

// On a node there is room for what is there; for an upgrade there has to be more.
func TestAnUpgradeNeedsRoom(t *testing.T) {
	r := newRoom(t, "05-preflight.sh", "KUBERNETES_VERSION='1.34.4'")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.write(t, "/opt/bin/kubeadm", "#!/bin/bash\ncat /root/release\n")
	r.write(t, "/root/release", "v1.33.1\n")
	r.write(t, "/var/lib/satchel/kubeadm", "")
	const full = "mount -t tmpfs -o size=64k tmpfs /var/log\n"
	r.must(t, full+roomInstall)
	r.fails(t, full+"export UPGRADE=1\n"+roomInstall, "the file system of /var/log has 0 MiB free, and 2 are needed")
	// The second time in an upgrade all that takes room has come.
	r.write(t, "/root/release", "v1.34.4\n")
	r.must(t, full+"export UPGRADE=1\n"+roomInstall)
}
