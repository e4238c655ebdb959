package spec

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/cuecontext"

	"github.com/satchel-kit/satchel/internal/manifest"
)

// apiTable is the schema's table.
func apiTable(t *testing.T) []manifest.API {
	t.Helper()
	table, err := knownAPIs(cuecontext.New())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// offline runs the go command on modules that are on this machine already.
func offline(t *testing.T, required bool, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.Output()
	if err == nil {
		return out
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		out = append(out, exit.Stderr...)
	}
	if required && os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatalf("go %s in %s: %v\n%s", strings.Join(args, " "), dir, err, out)
	}
	t.Skipf("the modules of %s are not on this machine; run make tools once", dir)
	return nil
}

func rowOf(a manifest.API) string {
	row := strings.TrimPrefix(a.Group+"/"+a.Version, "/") + " " + a.Kind
	return fmt.Sprintf("%s from %d to %d instead %q", row, a.From, a.To, a.Instead)
}

// The table is what Kubernetes' own sources say about all releases of the
// catalogue, row for row.
func TestAPIsAreThoseOfKubernetesSources(t *testing.T) {
	if testing.Short() {
		t.Skip("reads the API of fifteen releases")
	}
	out := offline(t, true, "../../testdata/apis", "run", ".")
	want := map[string]bool{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var a manifest.API
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		want[rowOf(a)] = true
	}
	if len(want) < 150 {
		t.Fatalf("the sources have only %d kinds", len(want))
	}
	seen := map[string]bool{}
	for _, a := range apiTable(t) {
		row := rowOf(a)
		if seen[row] {
			t.Errorf("schema/v1/apis.cue has twice: %s", row)
		}
		if seen[row] = true; !want[row] {
			t.Errorf("schema/v1/apis.cue has, and Kubernetes' sources do not: %s", row)
		}
	}
	for row := range want {
		if !seen[row] {
			t.Errorf("Kubernetes' sources have, and schema/v1/apis.cue does not: %s", row)
		}
	}
}

// Kubernetes' repository has, for every release, the lists that a server with all
// versions switched on answers with. They know nothing of the sources' notes
// about removal.
func TestAPIsAreWhatServersAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("reads the lists of many releases")
	}
	modules, err := filepath.Glob("../../testdata/decode/v1.*")
	if err != nil || len(modules) == 0 {
		t.Fatalf("no modules with Kubernetes: %v", err)
	}
	required, err := os.ReadFile("../../testdata/decode/required")
	if err != nil {
		t.Fatal(err)
	}
	table := apiTable(t)
	for _, dir := range modules {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			needed := slices.Contains(strings.Fields(string(required)), filepath.Base(dir))
			out := offline(t, needed, dir, "list", "-m", "-f", "{{.Version}} {{.Dir}}", "k8s.io/kubernetes")
			version, source, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
			minor := 0
			if _, err := fmt.Sscanf(version, "v1.%d.", &minor); err != nil {
				t.Fatalf("%q is no version of Kubernetes: %v", version, err)
			}
			if source == "" && !needed {
				t.Skip("the module is not on this machine")
			}
			answered := answers(t, source)
			if len(answered) < 50 {
				t.Fatalf("%s lists only %d kinds", source, len(answered))
			}
			for _, a := range table {
				served := a.From <= minor && (a.To == 0 || minor <= a.To)
				name := strings.TrimPrefix(a.Group+"/"+a.Version, "/") + " " + a.Kind
				if served != answered[name] {
					t.Errorf("schema/v1/apis.cue says of %s in 1.%d that it is served: %t; Kubernetes: %t", name, minor, served, answered[name])
				}
				delete(answered, name)
			}
			for name := range answered {
				t.Errorf("Kubernetes 1.%d serves %s, and schema/v1/apis.cue does not have it", minor, name)
			}
		})
	}
}

// answers are the kinds in the lists of Kubernetes' repository, subresources left
// out.
func answers(t *testing.T, source string) map[string]bool {
	t.Helper()
	core := filepath.Join(source, "api/discovery/api__v1.json")
	if _, err := os.Stat(core); err != nil {
		return answersBefore128(t, source)
	}
	groups, err := filepath.Glob(filepath.Join(source, "api/discovery/apis__*__*.json"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, file := range append(groups, core) {
		var list struct {
			GroupVersion string
			Resources    []struct{ Name, Kind string }
		}
		readJSON(t, file, &list)
		for _, r := range list.Resources {
			if !strings.Contains(r.Name, "/") {
				kinds[list.GroupVersion+" "+r.Kind] = true
			}
		}
	}
	return kinds
}

// collection is the address of a kind's objects, such as
// /apis/apps/v1/namespaces/{namespace}/deployments.
var collection = regexp.MustCompile(`^/(api|apis/[^/]+)/v[^/]+/(namespaces/\{namespace\}/)?[a-z]+$`)

// answersBefore128 reads the addresses that a server has.
func answersBefore128(t *testing.T, source string) map[string]bool {
	t.Helper()
	type method struct {
		Of *struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
	}
	var openAPI struct {
		Paths map[string]struct{ Get, Post method }
	}
	readJSON(t, filepath.Join(source, "api/openapi-spec/swagger.json"), &openAPI)
	kinds := map[string]bool{}
	for path, methods := range openAPI.Paths {
		for _, m := range []method{methods.Get, methods.Post} {
			if m.Of != nil && collection.MatchString(path) {
				kinds[strings.TrimPrefix(m.Of.Group+"/"+m.Of.Version, "/")+" "+m.Of.Kind] = true
			}
		}
	}
	return kinds
}

func readJSON(t *testing.T, file string, to any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// A message names a replacement; it has to be one that some release serves, and
// under the same kind.
func TestReplacementsExist(t *testing.T) {
	table := apiTable(t)
	for _, a := range table {
		if a.Instead == "" {
			continue
		}
		i := slices.IndexFunc(table, func(b manifest.API) bool {
			return strings.TrimPrefix(b.Group+"/"+b.Version, "/") == a.Instead && b.Kind == a.Kind
		})
		if i < 0 {
			t.Errorf("%s: no such replacement", rowOf(a))
		} else if last := cmp.Or(table[i].To, 1000); last <= a.To {
			t.Errorf("%s: the replacement is gone as early", rowOf(a))
		}
	}
}
