//go:build lab && linux

package world

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAFailedCompilerIsQuoted(t *testing.T) {
	err := run(t.Context(), t.TempDir(), nil, "sh", "-c", "echo x.go:1:2: broken; exit 3")
	if err == nil || !strings.Contains(err.Error(), "running sh: exit status 3\nx.go:1:2: broken") {
		t.Errorf("error: %v", err)
	}
}

func TestAnInterruptEndsACompilerAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := run(ctx, t.TempDir(), nil, "sleep", "60")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error: %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the compiler ended after %v", took)
	}
}

func TestADirectoryHasOneBuilderAtATime(t *testing.T) {
	dir := t.TempDir()
	first, err := lockDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if second, err := lockDir(ctx, dir); err == nil {
		second.Close()
		t.Error("two builders have the lock")
	} else if !strings.Contains(err.Error(), "held by another build") {
		t.Errorf("error: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := lockDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	third.Close()
}
