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

// What a step reads in may call the step's own functions, which use what they use.
func TestFunctionsOfAStepAreCalledByWhatItReadsIn(t *testing.T) {
	p, tree := rendered(t, "../../bundles/packages")
	const step, lacks = "steps/07-packages-deb.sh", " is not there on cp1 and 2 more hosts: no step up to this one brings it, no need of the host names it, and a minimal debian lacks it"
	lost := change(t, tree, step, "is_owned() {", "is_owner() {")
	expect(t, p, lost, where(t, lost, "steps/paths.sh", `is_owned "$path"`)+": is_owned"+lacks)
	uses := change(t, tree, step, "is_owned() {", "is_owned() { owns-what;")
	expect(t, p, uses, where(t, uses, step, "owns-what")+": owns-what"+lacks)
}

func TestPackagesOfTheBundleAreUsedByHostsThatCarryThem(t *testing.T) {
	p, tree := rendered(t, "../../bundles/packages")
	changeHost(t, p, "cp1", func(h *plan.Host) { h.Packages.Carried = "packages/rhel-9-amd64/*" })
	expect(t, p, tree, where(t, tree, "steps/packages.sh", `"$from" -name`)+": packages/debian-12-amd64 is used here, and the plan does not list it for cp1, so install.sh does not check it there")
}
