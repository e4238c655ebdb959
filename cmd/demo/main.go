// Command demo builds satchel and takes a reference spec to a verified bundle on a
// machine that reaches nothing but Go modules: in place of the real registries and
// download sites it serves small stand-ins on the loopback interface. Everything
// else is satchel as a user runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
	"github.com/satchel-kit/satchel/internal/standin"
)

func main() {
	specPath := flag.String("spec", "bundles/course-ha", "the spec to bundle")
	out := flag.String("o", "build", "directory of the results")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, *specPath, *out); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, specPath, out string) error {
	s, err := spec.Load(specPath)
	if err != nil {
		return fmt.Errorf("loading %s (run this at the top of the repository): %w", specPath, err)
	}
	p := plan.New(s)
	world, err := standin.Serve(ctx, p.Images, p.Files)
	if err != nil {
		return err
	}
	defer world.Close()
	fmt.Println("# The images and files of this run are small stand-ins, served by this program on the")
	fmt.Println("# loopback interface. The bundle is complete in form, but it installs no cluster.")

	satchel := filepath.Join("bin", "satchel")
	bundle := filepath.Join(out, p.Cluster.Name+".tar")
	supply := []string{"--lock", filepath.Join(out, "satchel.lock"), "--cache", filepath.Join(out, "cache")}
	for _, source := range world.Sources() {
		supply = append(supply, "--source", source.Prefix+"="+source.Mirror)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"go", "build", "-trimpath", "-o", satchel, "./cmd/satchel"},
		{satchel, "vet", specPath},
		append([]string{satchel, "lock", specPath}, supply...),
		append([]string{satchel, "build", specPath, "-o", bundle}, supply...),
		{satchel, "verify", bundle},
		{satchel, "inspect", bundle},
	} {
		if err := run(ctx, command); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, command []string) error {
	fmt.Println("$", strings.Join(command, " "))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// The bundle carries this satchel, which has to run without the C library of
	// the machine that built it.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	// An interrupt reaches the whole group; satchel cleans up by itself.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(command[:2], " "), err)
	}
	return nil
}
