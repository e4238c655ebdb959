package render_test

import (
	"strings"
	"testing"
)

// Who comes late in a long row of hosts waits as long as those before it move, and no
// longer.
func TestAWaitLastsAsLongAsOthersMove(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	out := l.must(t, "x", `progress() { cat count; }
		echo 0 >count
		(sleep 12; echo 1 >count; sleep 7; : >came) &
		SATCHEL_WAIT=17
		wait_for 'the others' test -e came
		echo here`)
	if !strings.Contains(out, "waiting for the others (15s)") || !strings.Contains(out, "here") {
		t.Error(out)
	}
	out, err := l.step(t, "x", "lib.sh", "SATCHEL_WAIT=2 AGAIN=it; rm came; wait_for 'the others' test -e came")
	if err == nil || !strings.Contains(out, "the others did not come within 2 seconds; see to it and run it again") {
		t.Errorf("%v\n%s", err, out)
	}
}
