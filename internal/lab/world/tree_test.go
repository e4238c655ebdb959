//go:build lab && linux

package world

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// written gives the checksum of a tree whose program has a time and a mode of its own.
func written(t *testing.T, modified time.Time, mode os.FileMode) [sha256.Size]byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(program, modified, modified); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := accounts().program("usr/bin/program", program).link("bin", "usr/bin").write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b.Bytes())
}

func TestATreeOfTheSameContentIsTheSameBytes(t *testing.T) {
	first := written(t, time.Unix(1, 0), 0o755)
	if second := written(t, time.Now(), 0o600); first != second {
		t.Errorf("checksums %x and %x", first, second)
	}
}

func TestATreeWithoutASourceIsAnErrorThatNamesIt(t *testing.T) {
	err := newTree().program("bin/gone", filepath.Join(t.TempDir(), "gone")).write(t.Context(), &bytes.Buffer{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `adding "bin/gone"`) {
		t.Errorf("error: %v", err)
	}
}
