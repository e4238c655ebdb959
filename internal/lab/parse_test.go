//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestMirrorIsTheMachinesOwn(t *testing.T) {
	for _, c := range []struct{ name, file, content, want string }{
		{"nothing given", "other", "", defaultMirror},
		{"one line", "sources.list", "# x\ndeb http://a/debian bookworm main contrib\n", "http://a/debian"},
		{"with options", "sources.list", "deb [arch=amd64 signed-by=/k] http://b/debian bookworm main\n", "http://b/debian"},
		{"other suites", "sources.list", "deb http://c bookworm-security main\ndeb-src http://d bookworm main\ndeb http://e sid main\n", defaultMirror},
		{"broken lines", "sources.list", "deb\ndeb [\ndeb [x\ndeb http://f\n", defaultMirror},
		{"paragraphs", "sources.list.d/debian.sources",
			"Types: deb\nURIs: http://s\nSuites: bookworm-security\nComponents: main\n\nTypes: deb deb-src\n# URIs: http://no\nURIs: http://g/debian http://h\nSuites: bookworm bookworm-updates\nComponents: main\n",
			"http://g/debian"},
		{"paragraph without an address", "sources.list.d/x.sources", "Types: deb\nSuites: bookworm\nComponents: main\n", defaultMirror},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, c.file)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := mirror(dir); got != c.want {
				t.Errorf("mirror is %q, want %q", got, c.want)
			}
		})
	}
}

func TestEscapesAreReadFromTheListing(t *testing.T) {
	const listing = `{"nftables":[{"metainfo":{"version":"1.0.6"}},{"set":{"name":"tried","elem":[
		{"elem":{"val":{"concat":["10.77.0.12","1.1.1.1"]},"counter":{"packets":3,"bytes":180}}}]}}]}`
	got, err := parseEscapes([]byte(listing))
	want := []Escape{{netip.MustParseAddr("10.77.0.12"), netip.MustParseAddr("1.1.1.1"), 3}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if _, err := parseEscapes([]byte(`{"nftables":[{"set":{"elem":[{"elem":{"val":{"concat":["x","y"]}}}]}}]}`)); err == nil {
		t.Error("a listing without addresses was accepted")
	}
}

func TestUnroutedIsFoundByItsName(t *testing.T) {
	got, err := parseUnrouted("Tcp: A\nIp: Forwarding OutNoRoutes X\nIp: 1 42 7\nTcp: 1\n")
	if err != nil || got != 42 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, table := range []string{"", "Ip: OutNoRoutes\n", "Ip: A OutNoRoutes\nIp: 1\n", "Ip: OutNoRoutes\nIp: x\n"} {
		if got, err := parseUnrouted(table); err == nil {
			t.Errorf("table %q gave %d", table, got)
		}
	}
}

func TestAnOutageLastsFromTheFirstFailureToTheNextSuccess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	down := errors.New("down")
	answers := []error{nil, down, down, nil, nil, down}
	n := 0
	r := watch(ctx, func(context.Context) error {
		defer func() { n++ }()
		if n == len(answers)-1 {
			defer time.AfterFunc(5*time.Millisecond, cancel)
		}
		return answers[min(n, len(answers)-1)]
	}, time.Millisecond, Impatient)
	if len(r.Outages) != 2 || r.Failures < 3 || r.Tries < len(answers) {
		t.Fatalf("report = %+v", r)
	}
	for _, o := range r.Outages {
		if o.Length() <= 0 || !errors.Is(o.Cause, down) {
			t.Errorf("outage = %+v", o)
		}
	}
}
