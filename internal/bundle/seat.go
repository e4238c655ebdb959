package bundle

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/satchel-kit/satchel/internal/render"
)

// Seat is one cluster of a kit. What is particular to it is below seats/NN/.
type Seat struct {
	// Seat is its number with leading zeros.
	Seat string `json:"seat"`
	// Name is the cluster's.
	Name string `json:"name"`
	// Spec is the digest, "sha256:HEX", of what the seat's tree was rendered from.
	Spec  string `json:"spec"`
	Hosts []Host `json:"hosts"`
}

func (m *Manifest) checkSeats() error {
	names := map[string]bool{}
	for i, seat := range m.Seats {
		if n, err := strconv.Atoi(seat.Seat); err != nil || n != i+1 || len(seat.Seat) != len(m.Seats[0].Seat) {
			return fmt.Errorf("seat %q is out of order or there twice", seat.Seat)
		}
		if seat.Name == "" || names[seat.Name] {
			return fmt.Errorf("seat %q has no name of its own", seat.Seat)
		}
		names[seat.Name] = true
		if _, err := hexDigits(seat.Spec); err != nil {
			return err
		}
		if err := checkHosts(seat.Hosts); err != nil {
			return fmt.Errorf("seat %q: %w", seat.Seat, err)
		}
	}
	if len(m.Seats) > 0 && len(m.Hosts) > 0 {
		return fmt.Errorf("it has hosts beside those of its seats")
	}
	return nil
}

// ofSeat is the manifest of one seat's own bundle, which is what is left of a kit when
// it is unpacked for that seat. It does not depend on the other seats' own files.
func (m *Manifest) ofSeat(seat Seat) *Manifest {
	own := *m
	own.Name, own.Spec, own.Hosts, own.Seats, own.Files = seat.Name, seat.Spec, seat.Hosts, nil, []File{}
	for _, file := range m.Files {
		if name, ok := inSeat(file.Path, seat.Seat); ok {
			file.Path = name
			own.Files = append(own.Files, file)
		}
	}
	slices.SortFunc(own.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return &own
}

// inSeat is the path that a file of a kit has in one seat's own bundle, if it is there.
// What says how the kit was made says nothing of a seat: it lists the files of all.
func inSeat(path, nn string) (string, bool) {
	if path == provenanceName {
		return "", false
	}
	return render.InSeat(path, nn)
}

// HostCount is how many hosts there are, in all seats of a kit.
func (m *Manifest) HostCount() int {
	n := len(m.Hosts)
	for _, seat := range m.Seats {
		n += len(seat.Hosts)
	}
	return n
}

// SeatSize is what the files take that are particular to one seat.
func (m *Manifest) SeatSize(nn string) int64 {
	var sum int64
	for _, file := range m.Files {
		if strings.HasPrefix(file.Path, render.SeatsDir+"/"+nn+"/") {
			sum += file.Size
		}
	}
	return sum
}

// Part is what of a bundle is unpacked.
type Part struct {
	// Seat is the number of a kit's seat; a kit has no other way to be unpacked.
	Seat int
	// Host leaves out the folders of all other hosts, unless it is empty.
	Host string
}

// seat finds the one that is named.
func (s *source) seat(number int) (*Seat, error) {
	seats := s.manifest.Seats
	switch {
	case len(seats) == 0 && number != 0:
		return nil, fmt.Errorf("it is the bundle of one cluster, not a kit: leave out --seat")
	case len(seats) == 0:
		return nil, nil
	case number == 0:
		return nil, fmt.Errorf("it is a kit of %d seats, and a host belongs to one of them: name it with --seat 1 to --seat %d", len(seats), len(seats))
	case number < 0 || number > len(seats):
		return nil, fmt.Errorf("it has no seat %d: its seats are 1 to %d", number, len(seats))
	}
	return &seats[number-1], nil
}
