package render

import (
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/satchel-kit/satchel/internal/plan"
)

// SeatsDir is where the tree of a kit has what is particular to each seat.
const SeatsDir = "seats"

// ofOne are the directories that belong to one cluster even where files in them are the
// same for all: in a kit each seat has its own.
var ofOne = []string{"hosts/", "guide/"}

// TeacherDir is what no seat gets.
const TeacherDir = "teacher/"

// renderKit renders all seats and lays them over each other: what is the same in all is
// there once, all else below seats/NN/.
func renderKit(p *plan.Plan) (Tree, error) {
	from, err := readEmbedded()
	if err != nil {
		return nil, err
	}
	trees := make([]Tree, len(p.Seats))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, seat := range p.Seats {
		work.Go(func() (err error) {
			trees[i], err = renderCluster(seat, from)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	tree, err := teacher(p, from)
	if err != nil {
		return nil, err
	}
	shared := sharedBy(trees)
	for name, f := range shared {
		f.Path = name
		tree = append(tree, f)
	}
	for i, own := range trees {
		for _, f := range own {
			if _, ok := shared[f.Path]; !ok {
				f.Path = path.Join(SeatsDir, p.Seats[i].Seat.NN, f.Path)
				tree = append(tree, f)
			}
		}
	}
	tree.sort()
	return tree, nil
}

// sharedBy are the files that all trees have in the same way.
func sharedBy(trees []Tree) map[string]File {
	shared := map[string]File{}
	for _, f := range trees[0] {
		if !slices.ContainsFunc(ofOne, func(dir string) bool { return strings.HasPrefix(f.Path, dir) }) {
			shared[f.Path] = f
		}
	}
	for _, tree := range trees[1:] {
		count := 0
		for _, f := range tree {
			other, ok := shared[f.Path]
			switch {
			case ok && other.Mode == f.Mode && string(other.Data) == string(f.Data):
				count++
			case ok:
				delete(shared, f.Path)
			}
		}
		if count < len(shared) {
			keep(shared, tree)
		}
	}
	return shared
}

// keep leaves out what a tree has not.
func keep(shared map[string]File, tree Tree) {
	there := make(map[string]bool, len(tree))
	for _, f := range tree {
		there[f.Path] = true
	}
	for name := range shared {
		if !there[name] {
			delete(shared, name)
		}
	}
}

// Seat is the tree of one seat's cluster, taken out of that of the kit.
func (t Tree) Seat(nn string) Tree {
	var own Tree
	for _, f := range t {
		name, ok := InSeat(f.Path, nn)
		if ok {
			f.Path = name
			own = append(own, f)
		}
	}
	own.sort()
	return own
}

// InSeat is the path that a file of a kit has in one seat's own bundle, if it is there.
func InSeat(file, nn string) (string, bool) {
	rest, ok := strings.CutPrefix(file, SeatsDir+"/")
	if !ok {
		return file, !strings.HasPrefix(file, TeacherDir)
	}
	seat, name, ok := strings.Cut(rest, "/")
	return name, ok && seat == nn
}

func (t Tree) sort() {
	slices.SortFunc(t, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}
