package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"

	"cuelang.org/go/cue"
	"golang.org/x/sync/errgroup"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Seat says which seat of a kit a spec is that of.
type Seat struct {
	// Kit is the kit's name.
	Kit string
	// Number counts from 1, NN is the same with leading zeros.
	Number int
	NN     string
}

// maxSeats is the schema's own bound of kit.seats.
const maxSeats = 999

// explained is how many of the seats that are not valid are explained: each takes its
// time, and they are mostly wrong in the same way.
const explained = 3

var kitPath = cue.MakePath(cue.Str("kit"))

// kitSeats is the number of seats; 0 where the spec is no kit or does not say a number
// that could be one.
func kitSeats(user cue.Value) int {
	n, err := lookup(user, "kit", "seats").Int64()
	if err != nil || n < 1 || n > maxSeats {
		return 0
	}
	return int(n)
}

// newSeat is the seat of a number in a kit of so many.
func newSeat(number, seats int) *Seat {
	return &Seat{Number: number, NN: fmt.Sprintf("%0*d", max(2, len(fmt.Sprint(seats))), number)}
}

// fill gives the user's spec the seat's number.
func (s *Seat) fill(user cue.Value) cue.Value {
	user = user.FillPath(cue.MakePath(cue.Str("kit"), cue.Str("seat")), s.Number)
	return user.FillPath(cue.MakePath(cue.Str("kit"), cue.Str("nn")), s.NN)
}

// loadKit reads a kit: the spec as it is for each seat.
func loadKit(path string, first *reader) (*Spec, error) {
	seats := kitSeats(first.user)
	if seats == 0 {
		// Seat 1 says what is wrong with the number.
		if _, err := first.read(newSeat(1, 1)); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: kit.seats is no number", path)
	}
	kit := &Spec{Seats: make([]*Spec, seats), Dir: directory(path)}
	wrong, err := readSeats(path, first, kit.Seats)
	if err != nil {
		return nil, err
	}
	problems := explainSeats(first, wrong, seats)
	problems = append(problems, crossCheck(first.user, kit.Seats)...)
	if len(problems) > 0 {
		return nil, problems.once(len(wrong), seats)
	}
	kit.join()
	return kit, nil
}

// readSeats fills in the seats and gives back the numbers of those that are not valid.
// Seats are read side by side, each reader with a CUE of its own: a context is not for
// several goroutines.
func readSeats(path string, first *reader, seats []*Spec) (wrong []int, err error) {
	readers := []*reader{first}
	for len(readers) < min(runtime.GOMAXPROCS(0), len(seats)/8) {
		r, err := newReader(path)
		if err != nil {
			return nil, err
		}
		readers = append(readers, r)
	}
	invalid := make([]bool, len(seats))
	var work errgroup.Group
	for i, r := range readers {
		work.Go(func() error {
			for n := i; n < len(seats); n += len(readers) {
				s, valid, err := r.seat(newSeat(n+1, len(seats)))
				if err != nil {
					return err
				}
				seats[n], invalid[n] = s, !valid
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	for n, bad := range invalid {
		if bad {
			wrong = append(wrong, n+1)
		}
	}
	return wrong, nil
}

// explainSeats says what is wrong with the first of the seats that are not valid.
func explainSeats(r *reader, wrong []int, seats int) Problems {
	var all Problems
	for _, number := range wrong[:min(explained, len(wrong))] {
		seat := newSeat(number, seats)
		_, err := r.read(seat)
		problems, ok := err.(Problems)
		if !ok {
			problems = Problems{{Message: fmt.Sprint(err)}}
		}
		for _, p := range problems {
			p.Seat = seat.NN
			all = append(all, p)
		}
	}
	return all
}

// once leaves out what other seats have in the same way at the same place. wrong is how
// many of the seats are not valid, of which only some were explained.
func (ps Problems) once(wrong, seats int) Problems {
	type key struct {
		file         string
		line, column int
		rule         string
	}
	var list Problems
	at := map[key]int{}
	for _, p := range ps {
		k := key{p.File, p.Line, p.Column, cmp.Or(p.rule, p.Allowed+p.Message)}
		if i, seen := at[k]; seen && list[i].Seat != p.Seat {
			list[i].more++
			continue
		}
		at[k] = len(list)
		list = append(list, p)
	}
	for i := range list {
		switch p := &list[i]; {
		case p.more == 0 || p.rule != "":
		case wrong == seats:
			p.Seat = "" // it is in what all seats have
		case wrong > explained:
			p.more = maxSeats
		}
	}
	list.sort()
	return list
}

// join makes the kit's own part out of that of its seats, which cross-checking has found
// to be the same in all.
func (kit *Spec) join() {
	first := kit.Seats[0].Cluster
	kit.Cluster = v1.Cluster{Name: first.Kit.Name, Version: first.Version, Sources: first.Sources, Kubernetes: first.Kubernetes}
	sum := sha256.New()
	for _, s := range kit.Seats {
		s.Cluster.Kit = nil
		io.WriteString(sum, s.Digest+"\n")
	}
	kit.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
