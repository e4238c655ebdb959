package render_test

import (
	"strings"
	"testing"
)

// A file that a power cut left empty says nothing.
func TestAnEmptyNameIsNoName(t *testing.T) {
	r := thingRoom(t)
	r.must(t, "mkdir /var/lib/satchel; : >/var/lib/satchel/host; : >/var/lib/satchel/cluster\n"+roomInstall)
	if got := r.read("/var/lib/satchel/host") + r.read("/var/lib/satchel/cluster"); got != "x\nc\n" {
		t.Errorf("they are %q", got)
	}
}

// What is written of our state is on the disk before it has its name.
func TestStateIsWholeOrNotThere(t *testing.T) {
	r := thingRoom(t)
	r.write(t, "/opt/bin/mv", `#!/bin/bash
for last; do :; done
[[ $last != /var/lib/satchel/host ]] || { cat "${@: -2:1}" >/var/log/moved; kill -KILL $PPID; exit 1; }
exec /bin/mv "$@"
`)
	r.write(t, "/opt/bin/sync", "#!/bin/bash\nprintf '%s\\n' \"$*\" >>/var/log/synced\n")
	if out, err := r.run(t, roomInstall); err == nil {
		t.Fatal(out)
	}
	if r.has("/var/lib/satchel/host") || r.read("/var/log/moved") != "x\n" || !strings.Contains(r.read("/var/log/synced"), "/var/lib/satchel/host.new\n") {
		t.Errorf("moved was %q, synced\n%s", r.read("/var/log/moved"), r.read("/var/log/synced"))
	}
}
