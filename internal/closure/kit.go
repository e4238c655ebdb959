package closure

import (
	"path"
	"runtime"
	"sync"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// checkKit makes the proof for the cluster of each seat, side by side, each goroutine with
// a reader of its own. A problem that several seats share is reported for the first.
func checkKit(p *plan.Plan, tree render.Tree) []Problem {
	found := make([][]Problem, len(p.Seats))
	var work sync.WaitGroup
	goroutines := runtime.GOMAXPROCS(0)
	for first := range goroutines {
		work.Go(func() {
			var known *reader
			for n := first; n < len(p.Seats); n += goroutines {
				c := newCheck(p.Seats[n], tree.Seat(p.Seats[n].Seat.NN), known)
				found[n], known = c.run(), c.reader
			}
		})
	}
	work.Wait()
	shared := map[string]bool{}
	for _, f := range tree {
		shared[f.Path] = true
	}
	var list []Problem
	seen := map[Problem]bool{}
	for i, problems := range found {
		for _, problem := range problems {
			if seen[problem] {
				continue
			}
			seen[problem] = true
			if !shared[problem.Path] {
				problem.Path = path.Join(render.SeatsDir, p.Seats[i].Seat.NN, problem.Path)
			}
			list = append(list, problem)
		}
	}
	sortProblems(list)
	return list
}
