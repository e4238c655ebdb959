package closure

import (
	"path"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// checkKit makes the proof for the cluster of each seat. A problem that several seats
// share is reported for the first.
func checkKit(p *plan.Plan, tree render.Tree) []Problem {
	found := make([][]Problem, len(p.Seats))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, seat := range p.Seats {
		work.Go(func() error {
			found[i] = Check(seat, tree.Seat(seat.Seat.NN))
			return nil
		})
	}
	work.Wait() // none of them fails
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
