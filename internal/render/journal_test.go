package render_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/templates"
)

// library is the steps' library with its state in a directory of the test's.
type library struct{ dir string }

func newLibrary(t *testing.T) library {
	t.Helper()
	need(t, "bash", "bash")
	l := library{t.TempDir()}
	for _, name := range []string{"lib.sh", "journal.sh", "undo.sh"} {
		text, err := templates.FS.ReadFile("steps/" + name)
		if err != nil {
			t.Fatal(err)
		}
		fixed := strings.NewReplacer("STATE=/var/lib/satchel", "STATE="+l.dir+"/state", "KEPT=/var/lib/satchel-kept", "KEPT="+l.dir+"/kept",
			"/run/satchel.", l.dir+"/run.").Replace(string(text))
		l.write(t, "steps/"+name, fixed)
	}
	l.write(t, "host.env", "HOST_NAME='x'\n")
	return l
}

func (l library) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (l library) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// step runs a script as a step of this name; its working directory is the test's.
func (l library) step(t *testing.T, name, reads, script string) (string, error) {
	t.Helper()
	l.write(t, "steps/"+name+".sh", ". \"$BUNDLE/steps/"+reads+"\"\n"+script+"\n")
	cmd := exec.Command("bash", filepath.Join(l.dir, "steps", name+".sh"))
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "BUNDLE="+l.dir, "HOST_DIR="+l.dir, "SECRETS=", "DRY_RUN=", "CHANGE_LIST="+l.dir+"/changes")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (l library) must(t *testing.T, name, script string) string {
	t.Helper()
	out, err := l.step(t, name, "lib.sh", script)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// undo takes back all that the journal has.
func (l library) undo(t *testing.T) string {
	t.Helper()
	out, err := l.step(t, "reset", "undo.sh", `for n in $(printf '%s\n' "${!ENTRIES[@]}" | sort -rn); do undo_change "$n"; done; ((${#FAILED[@]} == 0))`)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func TestTheJournalGoesBackToWhatWasFirst(t *testing.T) {
	l := newLibrary(t)
	l.write(t, "etc/old", "first\n")
	if err := os.Chmod(filepath.Join(l.dir, "etc/old"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"second", "third"} {
		l.must(t, "10-a", `scratch; printf '`+text+`\n' >"$NEW"; settle "$BUNDLE/etc/old" 600; scratch; printf x >"$NEW"; settle "$BUNDLE/etc/deep/er/new" 644`)
	}
	if got := l.read(t, "etc/old") + l.read(t, "etc/deep/er/new"); got != "third\nx" {
		t.Fatalf("the files are %q", got)
	}
	l.undo(t)
	info, err := os.Stat(filepath.Join(l.dir, "etc/old"))
	if err != nil || info.Mode().Perm() != 0o640 || l.read(t, "etc/old") != "first\n" {
		t.Errorf("the file is %v, %v: %q", info, err, l.read(t, "etc/old"))
	}
	if _, err := os.Stat(filepath.Join(l.dir, "etc/deep")); !os.IsNotExist(err) {
		t.Errorf("the directories are still there: %v", err)
	}
	if l.undo(t) != "" {
		t.Error("a second undo did something")
	}
}

func TestTheJournalIsRootsAlone(t *testing.T) {
	l := newLibrary(t)
	l.write(t, "etc/old", "a former secret\n")
	l.must(t, "10-a", `scratch; printf 'our secret\n' >"$NEW"; settle "$BUNDLE/etc/old" 600; scratch; printf 'our other secret\n' >"$NEW"; settle "$BUNDLE/etc/new" 600`)
	err := filepath.WalkDir(filepath.Join(l.dir, "state/journal"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "our ") {
			t.Errorf("%s holds a secret of ours: %s", path, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestALineThatWasCutOffCountsAsNotWritten(t *testing.T) {
	l := newLibrary(t)
	l.must(t, "10-a", `scratch; printf x >"$NEW"; settle "$BUNDLE/etc/new" 644`)
	log := l.read(t, "state/journal/log")
	l.write(t, "state/journal/log", log+"9|10-a|file|absent|"+l.dir+"/etc/ne")
	l.must(t, "20-b", `scratch; printf y >"$NEW"; settle "$BUNDLE/etc/other" 644`)
	l.undo(t)
	for _, name := range []string{"etc/new", "etc/other"} {
		if _, err := os.Stat(filepath.Join(l.dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v\n%s", name, err, l.read(t, "state/journal/log"))
		}
	}
}

// A unit has to be started again also when the run that changed its file ended between.
func TestWhatAnEarlierRunChangedIsStillDue(t *testing.T) {
	l := newLibrary(t)
	const put = `scratch; printf x >"$NEW"; settle "$BUNDLE/etc/conf" 644; `
	if out, err := l.step(t, "10-a", "lib.sh", put+"kill -KILL $$"); err == nil {
		t.Fatal(out)
	}
	if out := l.must(t, "10-a", put+`if is_changed "$BUNDLE/etc/conf"; then echo due; fi`); out != "due\n" {
		t.Errorf("after the kill: %q", out)
	}
	if out := l.must(t, "10-a", put+`if is_changed "$BUNDLE/etc/conf"; then echo due; fi`); out != "" {
		t.Errorf("after the step's end: %q", out)
	}
}

func TestWhatSomebodyEditedIsKept(t *testing.T) {
	l := newLibrary(t)
	l.write(t, "etc/hosts", "127.0.0.1 localhost\n")
	l.must(t, "10-a", `scratch; { cat "$BUNDLE/etc/hosts"; printf '# BEGIN satchel x\nours\n# END satchel x\n'; } >"$NEW"; settle "$BUNDLE/etc/hosts" 644
		scratch; printf x >"$NEW"; settle "$BUNDLE/etc/conf" 644`)
	l.write(t, "etc/hosts", l.read(t, "etc/hosts")+"10.0.0.9 printer\n")
	l.write(t, "etc/conf", "theirs")
	out := l.undo(t)
	if got := l.read(t, "etc/hosts"); got != "127.0.0.1 localhost\n10.0.0.9 printer\n" {
		t.Errorf("the lines are %q", got)
	}
	if got := l.read(t, "kept"+l.dir+"/etc/conf"); got != "theirs" || !strings.Contains(out, "has been edited since; that text is in") {
		t.Errorf("kept is %q, said was %q", got, out)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "etc/conf")); !os.IsNotExist(err) {
		t.Error("the file is still there")
	}
}

// A failure is told, and the change stays in the journal for the next time.
func TestWhatCannotBeUndoneStays(t *testing.T) {
	l := newLibrary(t)
	l.must(t, "10-a", `record_own something`)
	if err := os.Remove(filepath.Join(l.dir, "steps/10-a.sh")); err != nil {
		t.Fatal(err)
	}
	out, err := l.step(t, "reset", "undo.sh", `undo_change 1; printf '%s\n' "${FAILED[@]}"`)
	if err != nil || !strings.Contains(out, "this bundle has no step 10-a") || !strings.Contains(out, "10-a: own something") {
		t.Errorf("%v: %s", err, out)
	}
	if strings.Contains(l.read(t, "state/journal/log"), "undone") {
		t.Error("the journal says that it is undone")
	}
}

// The end of our lines may have been lost: then nobody can say which of them are theirs.
func TestAFileWithoutTheEndOfOurLinesIsKept(t *testing.T) {
	l := newLibrary(t)
	l.write(t, "etc/hosts", "127.0.0.1 localhost\n")
	l.must(t, "10-a", `scratch; { cat "$BUNDLE/etc/hosts"; printf '# BEGIN satchel x\nours\n# END satchel x\n'; } >"$NEW"; settle "$BUNDLE/etc/hosts" 644`)
	const edited = "127.0.0.1 localhost\n# BEGIN satchel x\nours\n10.0.0.9 printer\n"
	l.write(t, "etc/hosts", edited)
	out := l.undo(t)
	if got := l.read(t, "kept"+l.dir+"/etc/hosts"); got != edited || !strings.Contains(out, "has been edited since; that text is in") {
		t.Errorf("kept is %q, said was %q", got, out)
	}
	if got := l.read(t, "etc/hosts"); got != "127.0.0.1 localhost\n" {
		t.Errorf("the file is %q", got)
	}
}

// systemd writes names of units with backslashes.
func TestNamesWithABackslashAreForgotten(t *testing.T) {
	l := newLibrary(t)
	const name = `etc/dev-disk-by\x2dlabel-a.swap`
	for range 2 {
		l.must(t, "10-a", `scratch; printf x >"$NEW"; settle "$BUNDLE/`+strings.ReplaceAll(name, `\`, `\\`)+`" 644`)
		if l.read(t, name) != "x" {
			t.Fatal(l.read(t, name))
		}
		l.undo(t)
		if _, err := os.Stat(filepath.Join(l.dir, name)); !os.IsNotExist(err) {
			t.Error("the file is still there")
		}
		if again := l.undo(t); again != "" {
			t.Errorf("a second undo said %q", again)
		}
	}
	if got := strings.Count(l.read(t, "state/journal/log"), "|file|absent|"); got != 2 {
		t.Errorf("the file was noted %d times", got)
	}
}

// Directories that an archive names too stay as they are, and so do links to them.
func TestUnpackingLeavesDirectoriesAsTheyAre(t *testing.T) {
	l := newLibrary(t)
	l.write(t, "a/bin/program", "a program")
	l.write(t, "a/share/new/text", "a text")
	l.write(t, "local/bin/theirs", "")
	l.write(t, "local/elsewhere/theirs", "")
	quiet(t, l.dir, "tar", "-czf", "a.tar.gz", "-C", "a", ".")
	bin := filepath.Join(l.dir, "local/bin")
	if err := os.Chmod(bin, os.ModeSetgid|0o775); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(l.dir, "local"), 0o751); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(l.dir, "local/linked")); err != nil {
		t.Fatal(err)
	}
	quiet(t, l.dir, "mv", "a/bin", "a/linked")
	quiet(t, l.dir, "tar", "-czf", "b.tar.gz", "-C", "a", "linked")
	l.must(t, "10-a", `unpack "$BUNDLE/a.tar.gz" "$BUNDLE/local"; unpack "$BUNDLE/b.tar.gz" "$BUNDLE/local"`)
	asBefore := func(when string) {
		t.Helper()
		for name, want := range map[string]os.FileMode{"local": os.ModeDir | 0o751, "local/bin": os.ModeDir | os.ModeSetgid | 0o775, "local/linked": os.ModeSymlink | 0o777} {
			if info, err := os.Lstat(filepath.Join(l.dir, name)); err != nil || info.Mode() != want {
				t.Errorf("%s: %s is %v, %v", when, name, info.Mode(), err)
			}
		}
	}
	asBefore("unpacked")
	if got := l.read(t, "local/bin/program") + l.read(t, "local/elsewhere/program") + l.read(t, "local/share/new/text"); got != "a programa programa text" {
		t.Errorf("unpacked was %q", got)
	}
	l.undo(t)
	asBefore("undone")
	for _, name := range []string{"local/bin/program", "local/elsewhere/program", "local/share"} {
		if _, err := os.Stat(filepath.Join(l.dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

// A dry run names settings too whose module is not loaded yet.
func TestADryRunNamesSettingsThatComeWithAModule(t *testing.T) {
	l := newLibrary(t)
	if out := l.must(t, "10-a", `DRY_RUN=1; set_sysctl net.none.such 1`); out != "would change sysctl:net.none.such\n" {
		t.Errorf("it said %q", out)
	}
}

// The kubelet runs what has no dot before its name in the directory of its manifests, for
// as long as it is there.
func TestFilesThatAreNotWholeHaveADotBeforeTheirName(t *testing.T) {
	l := newLibrary(t)
	l.write(t, "manifests/etcd.yaml", "before")
	const watch = `mv() { ls -A "$BUNDLE/manifests"; command mv "$@"; }; `
	out := l.must(t, "10-a", watch+`scratch; printf x >"$NEW"; settle "$BUNDLE/manifests/etcd.yaml" 600`)
	if !strings.HasPrefix(out, ".etcd.yaml.satchel-new\netcd.yaml\n") {
		t.Errorf("beside it was %q", out)
	}
	l.write(t, "manifests/.etcd.yaml.satchel-new", "of a run that was killed")
	if out, err := l.step(t, "reset", "undo.sh", watch+`undo_change 1; ls -A "$BUNDLE/manifests"`); err != nil || out != ".etcd.yaml.satchel-new\netcd.yaml\netcd.yaml\n" {
		t.Errorf("%v, beside it was %q", err, out)
	}
}

// What reset.sh had undone of a step is not the end of the step.
func TestAnUndoDoesNotEndAStep(t *testing.T) {
	l := newLibrary(t)
	const put = `if [[ ${1:-} == undo ]]; then exit; fi; scratch; printf x >"$NEW"; settle "$BUNDLE/etc/conf" 644; record_own thing; `
	if out, err := l.step(t, "10-a", "lib.sh", put+"kill -KILL $$"); err == nil {
		t.Fatal(out)
	}
	if out, err := l.step(t, "reset", "undo.sh", `undo_change 3; kill -KILL $$`); err == nil || !strings.Contains(l.read(t, "state/journal/log"), "|undone|-|3|") {
		t.Fatal(out)
	}
	if out := l.must(t, "10-a", put+`if is_changed "$BUNDLE/etc/conf"; then echo due; fi`); out != "due\n" {
		t.Errorf("after the kill: %q", out)
	}
}
