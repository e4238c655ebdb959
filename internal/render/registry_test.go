package render_test

import (
	"strings"
	"testing"
)

// A registry that runs has read the old bundle; it has to learn of the new one also when
// the run that brought it was killed.
func TestTheRegistryIsStartedAgainWhenARunWasKilled(t *testing.T) {
	r := newRoom(t, "05-preflight.sh 35-registry.sh")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.write(t, "/opt/bundle/hosts/x/satchel-registry.service", "[Service]\n")
	for _, arch := range []string{"amd64", "arm64"} {
		r.write(t, "/opt/bundle/bin/satchel-"+arch, "a program")
	}
	r.must(t, roomInstall)
	r.write(t, "/opt/bundle/images/blob", "new")
	r.write(t, "/opt/bin/mv", `#!/bin/bash
/bin/mv "$@"
[[ $* != '/var/lib/satchel/bundle.new /var/lib/satchel/bundle' ]] || kill -KILL $PPID
`)
	if out, err := r.run(t, ": >/var/log/systemctl\n"+roomInstall); err == nil {
		t.Fatal(out)
	}
	if got := r.read("/var/lib/satchel/bundle/images/blob") + r.read("/var/log/systemctl"); got != "new" {
		t.Fatalf("it was not killed there: %s", got)
	}
	r.must(t, "rm /opt/bin/mv\n"+roomInstall)
	if got := r.read("/var/log/systemctl"); got != "restart satchel-registry.service\n" {
		t.Errorf("systemd was told %q", got)
	}
	if out := r.must(t, roomInstall); !strings.Contains(out, "nothing to change") {
		t.Error(out)
	}
}
