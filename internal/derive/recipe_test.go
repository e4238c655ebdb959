package derive

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
)

func TestPathsOutsideOfTheImageAreRefused(t *testing.T) {
	for path, want := range map[string]string{
		"":                     "the path is not absolute",
		"data/x":               "the path is not absolute",
		"../x":                 "the path is not absolute",
		"/":                    "in its shortest form",
		"/..":                  "in its shortest form",
		"/../x":                "in its shortest form",
		"/data/../../etc/x":    "in its shortest form",
		"/data/./x":            "in its shortest form",
		"//data/x":             "in its shortest form",
		"/data/":               "in its shortest form",
		"/data/\x00":           "control character",
		"/data/a\nb":           "control character",
		"/data/\xff":           "not UTF-8",
		"/data/.wh.x":          `".wh." deletes a file`,
		"/data/.wh..wh..opq":   `".wh." deletes a file`,
		"/.wh.data/x":          `".wh." deletes a file`,
		"/bin/tool":            "take /usr/bin",
		"/bin":                 "take /usr/bin",
		"/lib/x86_64/a.so":     "/lib is a link in many base images",
		"/var/run/x":           "take /run",
		"/proc/self":           "/proc is hidden by the runtime's own",
		"/binary":              "",
		"/usr/bin/tool":        "",
		"/var/running":         "",
		"/data/..x":            "",
		"/data/a.wh.b":         "",
		"/data/ärger/x y.conf": "",
	} {
		err := Check(&plan.Recipe{Files: []plan.RecipeFile{{Path: path}}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", path, err, want)
		}
	}
}

func TestAllFlawsOfARecipeAreReportedTogether(t *testing.T) {
	r := &plan.Recipe{
		Files:      []plan.RecipeFile{{Path: "/a"}, {Path: "/a/b/c"}, {Path: "/d"}, {Path: "/d"}, {Path: "/e", Mode: 0o100644}, {Path: "x"}},
		Env:        []string{"A=1", "A=2", "secret", "=x", "B=\x00"},
		Ports:      []string{"80", "0/tcp", "65536/tcp", "080/tcp", "80/http", "65535/udp", "1/sctp"},
		WorkingDir: "data",
	}
	_, err := Make(r, []Base{base("linux/amd64")})
	want := `reading the recipe: file "/d": it is there twice
file "/e": its mode 0100644 has more than permission bits
file "x": the path is not absolute
file "/a/b/c": it is below "/a", which is a file
environment variable "A" is there twice
environment variable "secret" is not NAME=VALUE
environment variable "" is not NAME=VALUE
environment variable "B" is not NAME=VALUE
port "80" is not such as "8000/tcp", with tcp, udp or sctp
port "0/tcp" is not such as "8000/tcp", with tcp, udp or sctp
port "65536/tcp" is not such as "8000/tcp", with tcp, udp or sctp
port "080/tcp" is not such as "8000/tcp", with tcp, udp or sctp
port "80/http" is not such as "8000/tcp", with tcp, udp or sctp
working directory "data" is not absolute`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestEveryChangeOfARecipeChangesItsDigest(t *testing.T) {
	changes := map[string]func(*plan.Recipe){
		"nothing":          func(*plan.Recipe) {},
		"content":          func(r *plan.Recipe) { r.Files[0].Data = []byte("other") },
		"mode":             func(r *plan.Recipe) { r.Files[0].Mode = 0o700 },
		"path":             func(r *plan.Recipe) { r.Files[0].Path += "2" },
		"fewer files":      func(r *plan.Recipe) { r.Files = r.Files[1:] },
		"entrypoint":       func(r *plan.Recipe) { r.Entrypoint = []string{"/x"} },
		"empty entrypoint": func(r *plan.Recipe) { r.Entrypoint = []string{} },
		"no entrypoint":    func(r *plan.Recipe) { r.Entrypoint = nil },
		"command":          func(r *plan.Recipe) { r.Command = []string{"/x"} },
		"empty command":    func(r *plan.Recipe) { r.Command = []string{} },
		"env":              func(r *plan.Recipe) { r.Env[0] = "A=3" },
		"port":             func(r *plan.Recipe) { r.Ports = r.Ports[:1] },
		"directory":        func(r *plan.Recipe) { r.WorkingDir = "" },
		"user":             func(r *plan.Recipe) { r.User = "" },
		"label":            func(r *plan.Recipe) { r.Labels["ours"] = "3" },
		"no label":         func(r *plan.Recipe) { r.Labels = nil },
	}
	seen := map[string]string{}
	for _, what := range slices.Sorted(maps.Keys(changes)) {
		r := recipe()
		changes[what](r)
		digest := Digest(r)
		if other, found := seen[digest]; found {
			t.Errorf("%q and %q give the same digest", what, other)
		}
		seen[digest] = what
	}
	r := recipe()
	r.Base, r.Ports = "docker.io/library/other:1", append(r.Ports, r.Ports...)
	if Digest(r) != Digest(recipe()) {
		t.Error("the base, or a port said twice, is part of the digest")
	}
	if r.Labels = nil; Digest(r) != Digest(func() *plan.Recipe { r := *r; r.Labels = map[string]string{}; return &r }()) {
		t.Error("no labels are not the same as none")
	}
}
