//go:build lab && linux

package world

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
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

// testRelease is the release of the tests that need one.
const testRelease = "1.34.4"

// releases are those that testdata/lab has modules for.
func releases(t *testing.T) []string {
	t.Helper()
	dir, err := sources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "kubernetes-*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no releases in %s: %v", dir, err)
	}
	for i, module := range found {
		found[i] = strings.TrimPrefix(filepath.Base(module), "kubernetes-")
	}
	return found
}

func TestASecondBuildTakesSeconds(t *testing.T) {
	first := built(t, testRelease)
	begin := time.Now()
	second := built(t, testRelease)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the second build took %v", took)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("the second build gave other things: %+v, then %+v", first, second)
	}
}

func TestAReleaseWithoutAModuleIsNamed(t *testing.T) {
	_, err := Build(t.Context(), t.TempDir(), "1.33.0", t.Output())
	if err == nil || !strings.Contains(err.Error(), `module "kubernetes-1.33.0" of testdata/lab: there is none`) {
		t.Errorf("error: %v", err)
	}
}

func TestAnInterruptedBuildLeavesNothingUnderAFinalName(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := &maker{dir: t.TempDir(), log: t.Output()}
	_, err := m.make(ctx, "bin/thing", func(temp string) error {
		cancel()
		return os.WriteFile(temp, []byte("half"), 0o755)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(m.dir, "*", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
