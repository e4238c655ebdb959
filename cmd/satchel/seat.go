package main

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/plan"
)

// seatFlag names one seat of a kit.
type seatFlag struct{ text string }

func (s *seatFlag) add(cmd *cobra.Command, what string) {
	cmd.Flags().StringVar(&s.text, "seat", "", "of a kit: "+what)
}

var seatNumber = regexp.MustCompile(`^[0-9]{1,3}$`)

// number is the seat's number; 0 where none was named.
func (s *seatFlag) number() (int, error) {
	if s.text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s.text)
	if !seatNumber.MatchString(s.text) || err != nil || n == 0 {
		return 0, usagef("--seat is a seat's number such as 7, not %q", s.text)
	}
	return n, nil
}

// compile compiles a spec for what is about one cluster, the only one or that of the
// seat. why is what to say of a kit without a seat.
func (s *seatFlag) compile(path, why string) (compiled, error) {
	c, err := compile(path)
	if err == nil {
		c, err = s.choose(path, c)
	}
	if err != nil {
		return c, err
	}
	if n := len(c.plan.Seats); n > 0 {
		err = usagef("%s is a kit, and %s with --seat 1 to --seat %d", path, why, n)
	}
	return c, err
}

// choose is the compiled cluster of the seat that was named; all where none was.
func (s *seatFlag) choose(path string, c compiled) (compiled, error) {
	number, err := s.number()
	if err != nil || number == 0 {
		return c, err
	}
	if len(c.plan.Seats) == 0 {
		return c, fmt.Errorf("%s is the spec of one cluster, not of a kit: leave out --seat", path)
	}
	p := c.plan.Find(number)
	if p == nil {
		return c, noSeat(path, number, len(c.plan.Seats))
	}
	return compiled{spec: c.spec.Seats[number-1], plan: p, tree: c.tree.Seat(p.Seat.NN)}, nil
}

func noSeat(path string, number, seats int) error {
	return fmt.Errorf("%s has no seat %d: its seats are 1 to %d", path, number, seats)
}

// clusters are the cluster of a plan, or those of all seats.
func clusters(p *plan.Plan) []*plan.Plan {
	if len(p.Seats) > 0 {
		return p.Seats
	}
	return []*plan.Plan{p}
}

// hostsIn counts the hosts of all clusters.
func hostsIn(p *plan.Plan) int {
	n := 0
	for _, c := range clusters(p) {
		n += len(c.Hosts)
	}
	return n
}
