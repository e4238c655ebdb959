package closure

import (
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/templates"
)

// What the table says of Debian is held against a Debian: that its packages are
// those which every installation has, and that the programs are theirs.
func TestBaselineOfDebian(t *testing.T) {
	out, err := exec.Command("dpkg-query", "--show", "--showformat", "${Package} ${Priority}\n").Output()
	if err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatal("dpkg-query is missing; run the tests on Debian")
		}
		t.Skip("dpkg-query is missing; this is no Debian")
	}
	priorities := map[string]string{}
	for line := range strings.Lines(string(out)) {
		pkg, priority, _ := strings.Cut(strings.TrimSpace(line), " ")
		priorities[pkg] = priority
	}
	for pkg, programs := range systems["debian"].packages {
		if priorities[pkg] == "" {
			continue // not on this machine
		}
		if !slices.Contains([]string{"required", "important"}, priorities[pkg]) {
			t.Errorf("%s has the priority %s", pkg, priorities[pkg])
		}
		has := programsOf(t, pkg)
		for _, program := range strings.Fields(programs) {
			if !has[program] && program != "awk" { // an alternative, made when mawk is installed
				t.Errorf("%s has no %s", pkg, program)
			}
		}
	}
}

func programsOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	lists, err := filepath.Glob("/var/lib/dpkg/info/" + pkg + "*.list")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]bool{}
	for _, file := range lists {
		name := strings.TrimSuffix(filepath.Base(file), ".list")
		if name != pkg && !strings.HasPrefix(name, pkg+":") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Fields(string(text)) {
			if dir := path.Base(path.Dir(line)); dir == "bin" || dir == "sbin" {
				list[path.Base(line)] = true
			}
		}
	}
	return list
}

func TestProgramsStandInOnePackage(t *testing.T) {
	for family, s := range systems {
		of := map[string]string{}
		for _, pkg := range slices.Sorted(maps.Keys(s.packages)) {
			for _, program := range strings.Fields(s.packages[pkg]) {
				if other, ok := of[program]; ok {
					t.Errorf("%s: %s is in %s and in %s", family, program, other, pkg)
				}
				of[program] = pkg
			}
		}
	}
}

// The functions of lib.sh that this package knows by name are there, and those that
// run their arguments are found.
func TestFunctionsOfTheLibrary(t *testing.T) {
	text, err := templates.FS.ReadFile("steps/lib.sh")
	if err != nil {
		t.Fatal(err)
	}
	c := &check{reader: newReader(nil)}
	s := c.read("steps/lib.sh", text)
	if s.problem != nil {
		t.Fatal(s.problem)
	}
	for _, name := range []string{"enable", "serve", "put", "put_binary", "unpack"} {
		if s.bodies[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	want := map[string]int{"run": 0, "wait_for": 1, "put": 3}
	got := map[string]int{}
	for name, b := range s.bodies {
		if b.forwards >= 0 {
			got[name] = b.forwards
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("functions that run their arguments: %v, want %v", got, want)
	}
}
