package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/render"
)

// What a seat takes out of a kit's tree is what would be rendered for it alone.
func TestASeatIsRenderedAsIfItWereAlone(t *testing.T) {
	p, kit := tree(t, "../../bundles/classroom/cluster.cue")
	if len(p.Seats) < 2 {
		t.Fatal("the classroom is no kit")
	}
	for _, seat := range p.Seats {
		alone, err := render.Render(seat)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(alone, kit.Seat(seat.Seat.NN), func(a, b render.File) bool {
			return a.Path == b.Path && a.Mode == b.Mode && string(a.Data) == string(b.Data)
		}) {
			t.Errorf("seat %s differs", seat.Seat.NN)
		}
	}
}

// What is particular to a seat is small, and nobody gets another seat's names.
func TestASeatsOwnPartIsKilobytes(t *testing.T) {
	p, kit := tree(t, "../../bundles/classroom/cluster.cue")
	own := map[string]int{}
	for _, f := range kit {
		rest, ok := strings.CutPrefix(f.Path, render.SeatsDir+"/")
		if !ok {
			continue
		}
		seat, _, _ := strings.Cut(rest, "/")
		own[seat] += len(f.Data)
		for _, other := range p.Seats {
			if other.Seat.NN != seat && strings.Contains(string(f.Data), other.Cluster.Name) {
				t.Errorf("%s names %s", f.Path, other.Cluster.Name)
			}
		}
	}
	for seat, size := range own {
		if size > 150_000 {
			t.Errorf("seat %s has %d bytes of its own", seat, size)
		}
	}
	if len(own) != len(p.Seats) {
		t.Errorf("%d seats have files of their own", len(own))
	}
}
