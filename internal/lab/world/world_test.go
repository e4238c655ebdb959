//go:build lab && linux

package world

import (
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/lab"
)

// built gives the inputs of a release, or skips where the lab cannot work.
func built(t *testing.T, release string) *Inputs {
	t.Helper()
	if err := lab.Possible(); err != nil {
		t.Skipf("cannot build the lab's inputs here: %v", err)
	}
	begin := time.Now()
	in, err := Build(t.Context(), "", release, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("built in %.1f s: %+v", time.Since(begin).Seconds(), in.Versions)
	return in
}

func TestASecondBuildTakesSeconds(t *testing.T) {
	first := built(t, "1.34.4")
	begin := time.Now()
	second := built(t, "1.34.4")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the second build took %v", took)
	}
	if first.layout != second.layout || len(first.files) != len(second.files) {
		t.Errorf("the second build made other things: %+v, then %+v", first, second)
	}
}
