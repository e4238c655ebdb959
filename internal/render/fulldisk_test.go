package render_test

import (
	"strings"
	"testing"
)

// The disk is full in the middle of a line of the journal: what is not noted is not done,
// and a reset that has no room for notes either takes back the rest.
func TestADiskThatIsFullInTheJournal(t *testing.T) {
	r := newRoom(t, "05-preflight.sh 50-many.sh")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.write(t, "/opt/bundle/steps/50-many.sh", `. "$BUNDLE/steps/lib.sh"
if [[ ${1:-} == undo ]]; then
	rm -f "/etc/many/$2"
	exit
fi
record_directories /etc/many
for i in {100..999}; do
	if ((i == 110)); then head -c 9M /dev/zero >/var/lib/full 2>/dev/null || true; fi
	record_own "$i-of-many"
	touch "/etc/many/$i-of-many"
done
`)
	out := r.must(t, "mount -t tmpfs -o size=8m tmpfs /var/lib\n! "+roomInstall+`cp /var/lib/satchel/journal/log /root/log
ls /etc/many >/root/many
`+roomReset+"test ! -e /var/lib/satchel; test ! -e /etc/many")
	for _, want := range []string{"50-many: cannot write to /var/lib/satchel/journal/log, and what is not noted there is not changed; is the disk full? Make room", "step 50-many failed on x", "x: as it was before the install"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	log := strings.SplitAfter(r.read("/root/log"), "\n")
	if last := log[len(log)-1]; last == "" || strings.HasSuffix(last, "|.") {
		t.Fatalf("the last line was not cut off: %q", last)
	}
	if made, noted := strings.Count(r.read("/root/many"), "\n"), strings.Count(r.read("/root/log"), "-of-many|.\n"); made != noted || made < 10 {
		t.Errorf("%d were made and %d noted", made, noted)
	}
}
