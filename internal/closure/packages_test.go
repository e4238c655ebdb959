package closure_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// Where the bundle brings the packages, their programs are not there before.
func TestAProgramIsNotThereBeforeItsPackage(t *testing.T) {
	p, tree := rendered(t, "../../bundles/packages")
	expect(t, p, tree)
	const step = "steps/05-preflight.sh"
	i := slices.IndexFunc(tree, func(f render.File) bool { return f.Path == step })
	tree[i].Data = append(slices.Clone(tree[i].Data), "haproxy -v\n"...)
	expect(t, p, tree, where(t, tree, step, "haproxy -v")+": haproxy is not there on cp1 and 2 more hosts: no step up to this one brings it, no need of the host names it, and a minimal debian lacks it")
}

func TestAPackageThatTheBundleDoesNotBringIsMissed(t *testing.T) {
	p, tree := rendered(t, "../../bundles/packages")
	changeHost(t, p, "lb1", func(h *plan.Host) {
		h.Needs = slices.DeleteFunc(slices.Clone(h.Needs), func(need string) bool { return need == "keepalived:keepalived" })
		h.Packages.Names = slices.DeleteFunc(slices.Clone(h.Packages.Names), func(name string) bool { return name == "keepalived" })
	})
	const lacks = "keepalived is not there on lb1: no step up to this one brings it"
	if got := check(p, tree); !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, lacks) }) {
		t.Errorf("got %q", got)
	}
}
