package closure_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// classroom is a kit of three seats, which are looked at one after the other.
func classroom(t *testing.T) (*plan.Plan, render.Tree) {
	t.Helper()
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	p, tree := rendered(t, "../../bundles/classroom/cluster.cue")
	if len(p.Seats) != 3 {
		t.Fatalf("the classroom has %d seats", len(p.Seats))
	}
	return p, tree
}

// apart gives each seat its own copy of a file that all share.
func apart(t *testing.T, p *plan.Plan, tree render.Tree, path string) render.Tree {
	t.Helper()
	i := slices.IndexFunc(tree, func(f render.File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("the tree has no %s", path)
	}
	f := tree[i]
	tree = slices.Delete(tree, i, i+1)
	for _, seat := range p.Seats {
		tree = add(tree, "seats/"+seat.Seat.NN+"/"+path, f.Mode, string(f.Data))
	}
	return tree
}

// A step that all seats share does what the library of its own seat has it do.
func TestASeatIsJudgedByItsOwnLibrary(t *testing.T) {
	p, tree := classroom(t)
	tree = apart(t, p, tree, "steps/lib.sh")
	const own = "seats/03/steps/lib.sh"
	tree = change(t, tree, own, "\nput() {", "\njq . /etc/x\nput() {")
	expect(t, p, tree, where(t, tree, own, "jq .")+": jq is not there on master and 2 more hosts: "+
		"no step up to this one brings it, no need of the host names it, and a minimal debian lacks it")
}

// A variable that the hosts of one seat alone have is followed there, and nowhere else.
func TestASeatIsJudgedByItsOwnVariables(t *testing.T) {
	p, tree := classroom(t)
	tree = add(tree, "tool.sh", 0o755, "#!/bin/bash\n\"$TOOL\"\n")
	for i, f := range tree {
		if strings.HasPrefix(f.Path, "seats/03/") && strings.HasSuffix(f.Path, "/host.env") {
			tree[i].Data = append(slices.Clone(f.Data), "TOOL='jq'\n"...)
		}
	}
	expect(t, p, tree,
		"tool.sh:2:1: which program \"$TOOL\" is cannot be known before it runs, so nothing proves that the host has it",
		"tool.sh:2:1: jq is not there on master and 2 more hosts: no step up to this one brings it, no need of the host names it, and a minimal debian lacks it")
}

// A manifest of one seat names what only that seat's cluster would lack.
func TestASeatIsJudgedByItsOwnManifests(t *testing.T) {
	p, tree := classroom(t)
	tree = apart(t, p, tree, "manifests/application-web.yaml")
	const own = "seats/03/manifests/application-web.yaml"
	tree = change(t, tree, own, "image: ", "image: example.com/other/")
	problems := check(p, tree)
	if len(problems) != 1 || !strings.HasPrefix(problems[0], own+":") || !strings.Contains(problems[0], "the image example.com/other/") {
		t.Errorf("%q", problems)
	}
}
