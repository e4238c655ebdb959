package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/satchel-kit/satchel/"

// order is the pipeline. A package may import those in lines above its own.
var order = [][]string{
	{"internal/disk"},
	{"schema", "schema/v1", "templates", "bundles", "internal/cache", "internal/progress", "internal/archive", "internal/secrets", "internal/manifest", "internal/sign", "internal/repository", "internal/guide", "internal/registry"},
	{"internal/deb", "internal/rpm"},
	{"internal/spec", "internal/profile"},
	{"internal/plan"},
	{"internal/render", "internal/upstream", "internal/standin", "internal/derive", "internal/imagefile"},
	{"internal/closure"},
	{"internal/lock"},
	{"internal/fetch", "internal/sbom"},
	{"internal/bundle"},
	{"internal/serve", "internal/push", "internal/side", "internal/report"},
	{"internal/diff"},
	{"internal/review"},
	{"cmd/satchel", "cmd/demo"},
}

// alone are libraries that one package hides from all others.
var alone = map[string]string{
	"cuelang.org/go":                 "internal/spec",
	"github.com/Masterminds/sprig":   "internal/render",
	"github.com/mholt/archiver":      "internal/archive",
	"github.com/vbauerster/mpb":      "internal/progress",
	"github.com/cenkalti/backoff":    "internal/registry",
	"github.com/spf13/cobra":         "cmd/satchel",
	"text/template":                  "internal/render",
	"html/template":                  "internal/report",
	"math/rand":                      "internal/standin",
	"crypto/rand":                    "internal/secrets",
	"k8s.io":                         "",
	"go.yaml.in/yaml":                "internal/manifest internal/closure internal/rpm",
	"mvdan.cc/sh":                    "internal/closure",
	"golang.org/x/crypto":            "internal/sign",
	"filippo.io/age":                 "internal/secrets",
	"github.com/ProtonMail":          "internal/repository internal/rpm",
	"github.com/knqyf263":            "internal/deb internal/rpm",
	"github.com/ulikunitz/xz":        "internal/repository",
	"github.com/yuin/goldmark":       "internal/guide",
	"github.com/CycloneDX":           "internal/sbom",
	"github.com/spdx":                "internal/sbom",
	"github.com/package-url":         "internal/sbom",
	"github.com/docker":              "internal/registry",
	"github.com/google/go-container": "internal/registry internal/upstream internal/lock internal/standin internal/bundle internal/derive internal/push internal/manifest internal/serve internal/imagefile",
	"github.com/google/go-containerregistry/pkg/v1/remote": "internal/registry internal/standin",
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		list = append(list, p)
	}
}

func level(path string) int {
	return slices.IndexFunc(order, func(line []string) bool { return slices.Contains(line, path) })
}

func TestArrowsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, "internal/lab") || p.ImportPath == "internal/architecture" || p.ImportPath == "internal/browser" {
			continue // for tests alone
		}
		own := level(p.ImportPath)
		if own < 0 {
			t.Errorf("%s has no place in the pipeline", p.ImportPath)
		}
		for _, i := range p.Imports {
			if to, ours := strings.CutPrefix(i, module); ours {
				if l := level(to); l < 0 || l >= own {
					t.Errorf("%s imports %s, which is not before it in the pipeline", p.ImportPath, to)
				}
			}
		}
	}
}

func TestHeavyLibrariesHaveOneImporter(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			for library, only := range alone {
				if (i == library || strings.HasPrefix(i, library)) && !slices.Contains(strings.Fields(only), p.ImportPath) && !strings.HasPrefix(p.ImportPath, "internal/lab") {
					t.Errorf("%s imports %s, which belongs to %q", p.ImportPath, i, only)
				}
			}
		}
	}
}
