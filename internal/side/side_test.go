package side

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/lock"
)

func TestParseEnv(t *testing.T) {
	env := ParseEnv("# CLUSTER_NAME='no'\nCLUSTER_NAME='prod'\nMANIFESTS='it'\\''s a.yaml'\nBROKEN='a'b'\nOPEN='\nX=$(rm -rf /)\n'Y'='1'\nEMPTY=''\nZ='last'")
	want := map[string]string{"CLUSTER_NAME": "prod", "MANIFESTS": "it's a.yaml", "EMPTY": "", "Z": "last"}
	if len(env) != len(want) {
		t.Errorf("got %q", env)
	}
	for name, value := range want {
		if got, ok := env[name]; !ok || got != value {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestParsePackage(t *testing.T) {
	for path, want := range map[string]Package{
		"packages/debian-12-amd64/pool/haproxy_2.6.12-1+deb12u3_amd64.deb":      {Place: "debian-12-amd64", Name: "haproxy", Version: "2.6.12-1+deb12u3", Arch: "amd64"},
		"packages/debian-12-amd64/pool/iptables_1%3a1.8.9_all.deb":              {Place: "debian-12-amd64", Name: "iptables", Version: "1:1.8.9", Arch: "all"},
		"packages/rhel-9-amd64/Packages/conntrack-tools-1.4.7-4.el9.x86_64.rpm": {Place: "rhel-9-amd64", Name: "conntrack-tools", Version: "1.4.7-4.el9", Arch: "x86_64"},
		"packages/debian-12-amd64/Packages.gz":                                  {},
		"packages/x.deb":                                                        {},
		"packages/a/b_1.deb":                                                    {},
		"packages/a/b-1.rpm":                                                    {},
		"packages/a/__.deb":                                                     {},
		"files/amd64/haproxy_2.6.12-1_amd64.deb":                                {},
	} {
		got, ok := parsePackage(path)
		if ok != (want != Package{}) || ok && got != want {
			t.Errorf("%s: %+v, %v", path, got, ok)
		}
	}
}

// A lock and the bundle that was made by it say the same about what is beside an image.
func TestLockAndBundleAgreeAboutAttachments(t *testing.T) {
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	locked := lockSide(&lock.Lock{Images: []lock.Image{
		{Name: "a", Attached: []lock.Attached{{Blob: lock.Blob{Digest: digest("1")}, Tag: "sig"}, {Blob: lock.Blob{Digest: digest("2")}}}}, {Name: "b"},
	}})
	packed := &Side{Images: []Image{{Name: "a"}, {Name: "b"}}}
	packed.addAttached([]bundle.Image{{Name: "a", Attached: []bundle.Attached{{Digest: digest("2")}, {Digest: digest("1"), Tag: "sig"}}}, {Name: "b"}})
	for i, image := range packed.Images {
		if other := locked.Images[i]; image.Attached != other.Attached || !image.Known || !other.Known || (image.Attached == "") != (image.Name == "b") {
			t.Errorf("the bundle has %+v, the lock %+v", image, other)
		}
	}
}

func TestSettingsNameEveryField(t *testing.T) {
	all := map[string]string{}
	flatten(all, "", map[string]any{
		"a":   map[string]any{"x.y": "1", "": true, "docker.io/a:1": nil},
		"b":   []any{"1", "2"},
		"c":   []any{map[string]any{"d": "<e>"}},
		"odd": []any{},
	})
	want := map[string]string{`a."x.y"`: `"1"`, `a.""`: "true", `a."docker.io/a:1"`: "null", "b": `["1","2"]`, "c[0].d": `"<e>"`, "odd": "[]"}
	if len(all) != len(want) {
		t.Errorf("got %v", all)
	}
	for field, value := range want {
		if all[field] != value {
			t.Errorf("%s is %s", field, all[field])
		}
	}
}

// repository makes a git repository and runs git in it.
func repository(t *testing.T) func(args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatal("git is not installed")
		}
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("init", "-q", "-b", "main", ".")
	return run
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func commit(git func(...string) string) { git("add", "-A"); git("commit", "-q", "-m", "x") }

func openAt(t *testing.T, arg string) (*Side, error) {
	t.Helper()
	return (&Opener{}).Open(t.Context(), arg)
}

func baseSpec(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/diff/base/cluster.cue")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A spec that imports a package of its CUE module needs files from above it.
func TestRevisionBringsTheModule(t *testing.T) {
	text := baseSpec(t)
	git := repository(t)
	put(t, "site/cue.mod/module.cue", "module: \"example.com/site@v0\"\nlanguage: version: \"v0.9.0\"\n")
	put(t, "site/names/names.cue", "package names\n\ncluster: \"prod\"\n")
	put(t, "site/prod/cluster.cue", strings.Replace(strings.Replace(text, "package cluster", "package cluster\n\nimport \"example.com/site/names\"", 1), `name: "prod"`, "name: names.cluster", 1))
	put(t, "other/large.bin", "x")
	commit(git)
	s, err := openAt(t, "HEAD:site/prod")
	if err != nil {
		t.Fatal(err)
	}
	if s.Cluster != "prod" || s.Kind != Spec || s.Revision != git("rev-parse", "HEAD") {
		t.Errorf("got %+v", s)
	}
}

// A link in a revision could point to any file of the machine that compares.
func TestRevisionFollowsNoLinks(t *testing.T) {
	git := repository(t)
	put(t, "secret", "the operator's")
	put(t, "tree/install.sh", "#!/bin/bash\n")
	if err := os.Symlink(filepath.Join(t.TempDir(), "x"), "tree/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("tree", "alias"); err != nil {
		t.Fatal(err)
	}
	commit(git)
	s, err := openAt(t, "HEAD:tree")
	if err != nil || len(s.Texts) != 1 {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := openAt(t, "HEAD:alias"); err == nil || !strings.Contains(err.Error(), "alias is a symbolic link") {
		t.Errorf("got %v", err)
	}
	put(t, "empty/readme", "")
	if err := os.Symlink("../tree/install.sh", "empty/install.sh"); err != nil {
		t.Fatal(err)
	}
	commit(git)
	if _, err := openAt(t, "HEAD:empty"); err == nil || !strings.Contains(err.Error(), "left out: empty/install.sh") {
		t.Errorf("got %v", err)
	}
	// On disk a tree has none, either.
	if _, err := openAt(t, "tree"); err == nil || !strings.Contains(err.Error(), "link is no regular file") {
		t.Errorf("got %v", err)
	}
}

// A partial clone asks its origin for what it lacks; a comparison does not.
func TestRevisionAsksNoNetwork(t *testing.T) {
	git := repository(t)
	put(t, "tree/install.sh", "#!/bin/bash\n")
	commit(git)
	git("config", "uploadpack.allowFilter", "true")
	origin, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	git("clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+origin, clone)
	t.Chdir(clone)
	if _, err := openAt(t, "HEAD:tree"); err == nil || !strings.Contains(err.Error(), "tree/install.sh") {
		t.Errorf("got %v", err)
	}
	if out := git("rev-list", "--objects", "--all", "--missing=print"); !strings.Contains(out, "?") {
		t.Error("the clone is whole now: it was fetched")
	}
}

// Names of all kinds arrive as they are, and a path in the object store never leads out.
func TestRevisionNames(t *testing.T) {
	git := repository(t)
	put(t, "tree/install.sh", "#!/bin/bash\n")
	put(t, "tree/hosts/ä b\"c/host.env", "HOST_NAME='x'\n")
	commit(git)
	s, err := openAt(t, "HEAD:tree")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Texts["hosts/ä b\"c/host.env"]; !ok {
		t.Errorf("got %v", s.Texts)
	}
	blob := git("rev-parse", "HEAD:tree/install.sh")
	list, err := parseListing([]byte("100644 blob " + blob + "\ttree/../../evil\x00100644 blob " + blob + "\ttree/install.sh\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list.below("tree"); err == nil || !strings.Contains(err.Error(), "cannot be copied") {
		t.Errorf("got %v", err)
	}
}

func TestOpeningTwoSidesKeepsTextsOnce(t *testing.T) {
	var held texts
	a, b := held.keep([]byte("same")), held.keep([]byte("same"))
	if a != b || len(held.held) != 1 {
		t.Errorf("held %v", held.held)
	}
}

func FuzzGitListing(f *testing.F) {
	name := strings.Repeat("a", 40)
	f.Add([]byte("100644 blob "+name+"\ta/cluster.cue\x00120000 blob "+name+"\ta/l\x00100755 blob "+name+"\tcue.mod/module.cue\x00"), "a")
	f.Add([]byte("x"), ".")
	f.Fuzz(func(t *testing.T, out []byte, name string) {
		list, err := parseListing(out)
		if err != nil {
			return
		}
		p, err := list.below(name)
		if err != nil {
			return
		}
		for _, file := range p.files {
			if strings.HasPrefix(file.path, "/") || slices.Contains(strings.Split(file.path, "/"), "..") || file.link {
				t.Errorf("%q would be copied", file.path)
			}
		}
	})
}

func FuzzTexts(f *testing.F) {
	f.Add("NAME='a'\\''b'\n", "packages/a/b_1_c.deb", "0123 blob 5\n", []byte(`{"predicate":{"buildDefinition":{"resolvedDependencies":[{"name":"files/a","uri":"b"}]}}}`))
	f.Fuzz(func(t *testing.T, env, file, answer string, statement []byte) {
		for name := range ParseEnv(env) {
			if name == "" || strings.ContainsAny(name, " '#$") {
				t.Errorf("the name %q", name)
			}
		}
		if p, ok := parsePackage(file); ok && (p.Name == "" || p.Version == "" || p.Arch == "" || strings.Contains(p.Place, "/")) {
			t.Errorf("%q is %+v", file, p)
		}
		if n, err := readAnswer(bufio.NewReader(strings.NewReader(answer)), "0123"); err == nil && n < 0 {
			t.Errorf("%q is %d", answer, n)
		}
		for name := range origins(statement) {
			if !strings.HasPrefix(name, "files/") {
				t.Errorf("an origin of %q", name)
			}
		}
	})
}
