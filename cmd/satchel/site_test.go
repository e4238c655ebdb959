package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
	"github.com/satchel-kit/satchel/internal/standin"
)

// site is a directory with the reference spec in spec/, where satchel runs as a
// process of its own, with a cache and a home of its own.
type site struct {
	t   testing.TB
	dir string
	env []string
	// program is the satchel that runs: the test's own, or one that was built.
	program string
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.program = s.path("bin/satchel")
	s.env = []string{"HOME=" + s.dir, "SATCHEL_CACHE=" + s.path("cache"), "PATH=" + s.path("bin") + ":" + os.Getenv("PATH")}
	s.install()
	text, err := os.ReadFile("../../testdata/specs/course/cluster.cue")
	if err != nil {
		t.Fatal(err)
	}
	s.write("spec/cluster.cue", string(text))
	return s
}

// install puts this test into the site's bin/ as satchel, and beside it a small
// program for the bundles to carry, that does nothing.
func (s *site) install() {
	s.t.Helper()
	s.write("bin/satchel-linux-amd64", smallProgram)
	from, err := exec.LookPath("satchel")
	if err == nil {
		err = os.Link(from, s.program)
	}
	if err != nil { // another file system
		err = os.Symlink(from, s.program)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// smallProgram is the header of an ELF file for x86-64 (elf(5)).
const smallProgram = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "\x02\x00\x3e\x00\x01\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x40\x00\x38\x00" + "\x00\x00\x40\x00\x00\x00\x00\x00"

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// plan is what the site's spec needs.
func (s *site) plan() *plan.Plan {
	s.t.Helper()
	loaded, err := spec.Load(s.path("spec"))
	if err != nil {
		s.t.Fatal(err)
	}
	return plan.New(loaded)
}

// pointAt has the spec name sources of plain HTTP, one host for images and one for
// files.
func (s *site) pointAt(registry, files string) {
	s.t.Helper()
	text := "package cluster\n\nsources: {\n"
	for _, prefix := range upstreamHosts(s.plan()) {
		mirror := registry + "/" + prefix
		if _, host, isFile := strings.Cut(prefix, "://"); isFile {
			mirror = files + "/" + host
		}
		text += fmt.Sprintf("\t%q: %q\n", prefix, "http://"+mirror)
	}
	s.write("spec/sources.cue", text+"}\n")
}

// upstreamHosts are the prefixes of all that a plan needs, sorted.
func upstreamHosts(p *plan.Plan) []string {
	var all []string
	for _, i := range p.Images {
		host, _, _ := strings.Cut(i.Name, "/")
		all = append(all, host)
	}
	for _, f := range p.Files {
		for _, address := range []string{f.URL, f.ChecksumURL} {
			if scheme, rest, ok := strings.Cut(address, "://"); ok {
				host, _, _ := strings.Cut(rest, "/")
				all = append(all, scheme+"://"+host)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// upstream serves stand-ins of what the spec needs through a middleware, and has
// the spec point there.
func (s *site) upstream(middle func(http.Handler) http.Handler) *httptest.Server {
	s.t.Helper()
	p := s.plan()
	world, err := standin.Serve(context.Background(), p.Images, p.Files)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { world.Close() })
	server := httptest.NewServer(middle(proxyTo(world.Host)))
	s.t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	host := strings.TrimPrefix(server.URL, "http://")
	s.pointAt(host, host)
	return server
}

// outcome is how a process ended.
type outcome struct {
	stdout, stderr string
	status         int
}

func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), s.program, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// run runs satchel in the site's directory.
func (s *site) run(args ...string) outcome {
	s.t.Helper()
	return s.finish(s.command(args...))
}

func (s *site) finish(cmd *exec.Cmd) outcome {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Errorf("running %q: %v", cmd.Args, err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs satchel, which must succeed.
func (s *site) must(args ...string) outcome {
	s.t.Helper()
	o := s.run(args...)
	if o.status != 0 {
		s.t.Fatalf("satchel %s: exit status %d\n%s%s", strings.Join(args, " "), o.status, o.stdout, o.stderr)
	}
	return o
}

// fails runs satchel, which must fail and say why.
func (s *site) fails(args []string, parts ...string) outcome {
	s.t.Helper()
	o := s.run(args...)
	s.failed(o, args, parts...)
	return o
}

// failed checks that satchel ended with status 1, without a panic, and said all of
// the parts on one line.
func (s *site) failed(o outcome, args []string, parts ...string) {
	s.t.Helper()
	if o.status != 1 || strings.Contains(o.stderr, "goroutine ") {
		s.t.Errorf("satchel %s: exit status %d, want 1\n%s%s", strings.Join(args, " "), o.status, o.stdout, o.stderr)
	}
	said := strings.Split(o.stdout+o.stderr, "\n")
	if !slices.ContainsFunc(said, func(line string) bool { return hasAll(line, parts) }) {
		s.t.Errorf("satchel %s: no line has all of %q:\n%s%s", strings.Join(args, " "), parts, o.stdout, o.stderr)
	}
}

func hasAll(line string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
}

// list is every name in the site's directory but spec, cache and bin.
func (s *site) list() []string {
	s.t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !slices.Contains([]string{"spec", "cache", "bin"}, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// holds fails unless the site has these names and no other.
func (s *site) holds(names ...string) {
	s.t.Helper()
	if got := s.list(); !slices.Equal(got, names) {
		s.t.Errorf("the directory has %q, want %q", got, names)
	}
}
