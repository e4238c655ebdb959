package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/profile"
)

// satchel runs a command line that has to succeed, and gives back what it printed.
func satchel(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if status := run(context.Background(), args, &out, &err); status != 0 {
		t.Fatalf("satchel %s: exit status %d\n%s", strings.Join(args, " "), status, err.String())
	}
	return out.String(), err.String()
}

func TestEveryProfileIsValidAsWritten(t *testing.T) {
	list, _ := satchel(t, "init", "--format", "json")
	var profiles []profile.Profile
	if err := json.Unmarshal([]byte(list), &profiles); err != nil || len(profiles) == 0 {
		t.Fatalf("%v: %s", err, list)
	}
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "site")
			written, next := satchel(t, "init", dir, "--profile", p.Name)
			if n := strings.Count(written, "\n"); n != len(p.Files) {
				t.Errorf("wrote %d files of %d:\n%s", n, len(p.Files), written)
			}
			for _, command := range []string{"vet " + dir, "lock " + dir, "build " + dir} {
				if !strings.Contains(next, "satchel "+command) {
					t.Errorf("satchel %s is not said to be next:\n%s", command, next)
				}
			}
			if said, _ := satchel(t, "vet", dir); !strings.Contains(said, "valid") {
				t.Errorf("vet says %s", said)
			}
			own := filepath.Join(t.TempDir(), "own")
			satchel(t, "init", own, "--profile", p.Name, "--name", "my-own")
			if said, _ := satchel(t, "vet", own); !strings.Contains(said, " my-own,") {
				t.Errorf("vet says %s", said)
			}
		})
	}
}

func TestArgumentsAreQuotedForAShell(t *testing.T) {
	for text, want := range map[string]string{"a/b-c.d_1": "a/b-c.d_1", "two words": "'two words'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		if got := quoteArg(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
