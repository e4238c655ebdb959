package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/render"
)

func seatOf(nn string) Seat {
	return Seat{
		Seat: nn, Name: "room-" + nn, Spec: digestOf([]byte(nn)),
		Hosts: []Host{{Name: "master", Address: "10.0.0." + nn, Roles: []string{"control-plane"}}},
	}
}

// room makes a kit of seats out of the sample.
func room(t *testing.T, seats ...string) Input {
	t.Helper()
	in := sample(t)
	in.Meta.Name, in.Meta.Hosts = "room", nil
	in.Tree = render.Tree{
		{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n")},
		{Path: "teacher/README.md", Mode: 0o644, Data: []byte("# All\n")},
	}
	for _, nn := range seats {
		in.Meta.Seats = append(in.Meta.Seats, seatOf(nn))
		in.Tree = append(in.Tree, render.File{Path: "seats/" + nn + "/hosts/master/host.env", Mode: 0o644, Data: []byte("NN=" + nn + "\n")})
	}
	return in
}

// alone is the bundle of one seat by itself.
func alone(in Input, nn string) Input {
	seat := seatOf(nn)
	in.Meta.Name, in.Meta.Spec, in.Meta.Hosts, in.Meta.Seats = seat.Name, seat.Spec, seat.Hosts, nil
	in.Tree = render.Tree{
		{Path: "hosts/master/host.env", Mode: 0o644, Data: []byte("NN=" + nn + "\n")},
		{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n")},
	}
	return in
}

func packed(t *testing.T, in Input) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "b.tar")
	d, err := Prepare(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), Output{Path: out}, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	return out
}

// contentsOf are a directory's files with their modes.
func contentsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err1 := d.Info()
		data, err2 := os.ReadFile(path)
		rel, err3 := filepath.Rel(dir, path)
		all[rel] = fmt.Sprintf("%v %s", info.Mode(), hexSum(data))
		return errors.Join(err1, err2, err3)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestASeatUnpacksToWhatWouldBeBuiltAlone(t *testing.T) {
	in := room(t, "01", "02")
	kit, other := packed(t, in), packed(t, alone(in, "02"))
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	if err := MergePart(t.Context(), []string{kit}, one, Part{Seat: 2}); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), other, two, ""); err != nil {
		t.Fatal(err)
	}
	a, b := contentsOf(t, one), contentsOf(t, two)
	for path := range b {
		if a[path] != b[path] {
			t.Errorf("%s is %q, built alone %q", path, a[path], b[path])
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d files, built alone %d", len(a), len(b))
	}
	if report, err := Verify(t.Context(), one); err != nil || report.Err() != nil {
		t.Errorf("%v, %v", err, report.Err())
	}
}

func TestAKitIsUnpackedBySeat(t *testing.T) {
	kit := packed(t, room(t, "01", "02"))
	single := packed(t, sample(t))
	for name, c := range map[string]struct {
		bundle string
		part   Part
		want   string
	}{
		"no seat":           {kit, Part{}, "it is a kit of 2 seats"},
		"a seat beyond":     {kit, Part{Seat: 3}, "it has no seat 3: its seats are 1 to 2"},
		"no such host":      {kit, Part{Seat: 1, Host: "x"}, `no host "x" in it; the hosts are master`},
		"seat of a cluster": {single, Part{Seat: 1}, "it is the bundle of one cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			err := MergePart(t.Context(), []string{c.bundle}, dir, c.part)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Error("something was written")
			}
		})
	}
}

func TestSeatsOfAManifestAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Manifest){
		"a number twice":  func(m *Manifest) { m.Seats[1].Seat = "01" },
		"out of order":    func(m *Manifest) { m.Seats[0], m.Seats[1] = m.Seats[1], m.Seats[0] },
		"another width":   func(m *Manifest) { m.Seats[1].Seat = "002" },
		"a path":          func(m *Manifest) { m.Seats[0].Seat = "../1" },
		"a name twice":    func(m *Manifest) { m.Seats[1].Name = m.Seats[0].Name },
		"no digest":       func(m *Manifest) { m.Seats[1].Spec = "sha256:x" },
		"a bad host":      func(m *Manifest) { m.Seats[1].Hosts[0].Name = "a/b" },
		"hosts beside it": func(m *Manifest) { m.Hosts = seatOf("01").Hosts },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Prepare(room(t, "01", "02"))
			if err != nil {
				t.Fatal(err)
			}
			m := *d.whole
			m.Seats = append([]Seat{}, m.Seats...)
			spoil(&m)
			if m.check() == nil {
				t.Error("it was taken")
			}
		})
	}
}
