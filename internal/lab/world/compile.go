//go:build lab && linux

package world

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// programs are the paths of what was built, by module and name: "runc/runc".
type programs struct{ path map[string]string }

func (p *programs) add(module, name, path string) {
	if p.path == nil {
		p.path = map[string]string{}
	}
	p.path[module+"/"+name] = path
}

// of gives the programs of a module, by name; release-bound modules are known by
// the part of their directory's name before the release.
func (p *programs) of(module string) map[string]string {
	found := map[string]string{}
	for key, path := range p.path {
		if name, ok := strings.CutPrefix(key, module+"/"); ok {
			found[name] = path
		}
	}
	return found
}

// compile builds the programs of a module one by one, so that what an interrupt
// cuts short is one program.
func (m *maker) compile(ctx context.Context, mod module, bin *programs) error {
	kind, _, _ := strings.Cut(mod.dir, "-")
	for _, pkg := range mod.packages {
		name := mod.program(pkg)
		path, err := m.make(ctx, filepath.Join("bin", mod.dir+"-"+mod.key, name), func(temp string) error {
			args := slices.Concat([]string{"go", "build", "-o", temp}, mod.arguments(), []string{pkg})
			return run(ctx, mod.root, mod.environment(), args...)
		})
		if err != nil {
			return err
		}
		bin.add(kind, name, path)
	}
	return nil
}

// pause builds the one program that is our own.
func (m *maker) pause(ctx context.Context, bin *programs) error {
	file := filepath.Join(m.sources, "pause", "pause.c")
	source, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the source of pause: %w", err)
	}
	flags := []string{"-static", "-Os", "-s", "-Wall", "-Werror"}
	key := sha256.Sum256(fmt.Appendf(source, "%q", flags))
	path, err := m.make(ctx, fmt.Sprintf("bin/pause-%x/pause", key[:6]), func(temp string) error {
		return run(ctx, m.sources, nil, slices.Concat([]string{"gcc"}, flags, []string{"-o", temp, file})...)
	})
	bin.add("pause", "pause", path)
	return err
}

// run runs a compiler, behind everybody else. An interrupt lets it clean up.
func run(ctx context.Context, dir string, env []string, command ...string) error {
	cmd := exec.CommandContext(ctx, "nice", command...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), env)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	tail := strings.Join(lines[max(0, len(lines)-10):], "\n")
	return fmt.Errorf("running %s: %w\n%s", command[0], errors.Join(context.Cause(ctx), err), tail)
}

// compilers says what is missing to build with, all together.
func compilers(ctx context.Context) error {
	var missing []error
	for _, p := range [][2]string{{"gcc", "gcc libc6-dev"}, {"pkg-config", "pkg-config libseccomp-dev"}} {
		if _, err := exec.LookPath(p[0]); err != nil {
			missing = append(missing, fmt.Errorf("no %s: apt-get install %s", p[0], p[1]))
		}
	}
	if len(missing) == 0 && exec.CommandContext(ctx, "pkg-config", "--exists", "libseccomp").Run() != nil {
		missing = append(missing, errors.New("no libseccomp for runc: apt-get install libseccomp-dev"))
	}
	return errors.Join(missing...)
}
