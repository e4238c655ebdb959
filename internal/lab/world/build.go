//go:build lab && linux

package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/satchel-kit/satchel/internal/lab"
)

// Inputs are the images and files of one Kubernetes release, on disk.
type Inputs struct {
	Versions Versions

	layout string            // an OCI layout; its index names each image
	files  map[string]string // upstream URL: path

	dir string // where everything is kept
	bin programs
}

// Build makes the inputs of a Kubernetes release such as "1.34.4", or finds them
// in dir (empty: "world" in lab.CacheDir). The first time takes many minutes, and
// goes on where it was interrupted. Each thing that is made is a line on log.
func Build(ctx context.Context, dir, kubernetes string, log io.Writer) (*Inputs, error) {
	dir, err := cacheDir(dir)
	if err != nil {
		return nil, err
	}
	var in *Inputs
	err = alone(ctx, dir, log, func(m *maker) error {
		in, err = build(ctx, m, kubernetes)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("building the inputs of Kubernetes %s: %w", kubernetes, err)
	}
	return in, nil
}

// alone builds while nobody else does. Whoever finds everything need not wait for
// another's build.
func alone(ctx context.Context, dir string, log io.Writer, build func(*maker) error) error {
	err := build(&maker{dir: dir, log: log, look: true})
	if !errors.Is(err, errMissing) {
		return err
	}
	own, err := lockDir(ctx, dir)
	if err != nil {
		return err
	}
	defer own.Close()
	m := &maker{dir: dir, log: log}
	if err := errors.Join(compilers(ctx), m.sweep()); err != nil {
		return err
	}
	return build(m)
}

func build(ctx context.Context, m *maker, kubernetes string) (*Inputs, error) {
	chosen, err := choose(kubernetes)
	if err != nil {
		return nil, err
	}
	if m.sources, err = sources(ctx); err != nil {
		return nil, err
	}
	mods, err := loadModules(ctx, m.sources, recipes(chosen))
	if err != nil {
		return nil, err
	}
	var bin programs
	for _, mod := range mods {
		if err := m.compile(ctx, mod, &bin); err != nil {
			return nil, err
		}
	}
	if err := m.pause(ctx, &bin); err != nil {
		return nil, err
	}
	root, err := debian(ctx)
	if err != nil {
		return nil, err
	}
	in := &Inputs{Versions: versions(chosen, mods), dir: m.dir, bin: bin}
	list, err := images(ctx, in.Versions, bin, root)
	if err != nil {
		return nil, err
	}
	if in.layout, err = m.layout(ctx, kubernetes, root.versions, list); err != nil {
		return nil, err
	}
	in.files, err = m.files(ctx, in.Versions, bin)
	return in, err
}

// cacheDir makes the directory that everything is kept in.
func cacheDir(dir string) (string, error) {
	if dir == "" {
		cache, err := lab.CacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "world")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the cache of the lab's inputs: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache of the lab's inputs: %w", err)
	}
	return dir, nil
}
