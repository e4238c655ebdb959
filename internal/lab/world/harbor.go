//go:build lab && linux

package world

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// AddHarbor adds a stand-in of Harbor's offline installer and of docker-compose to the
// inputs. Its registry is the real docker-registry of base, a Debian root file system
// with that package.
func (in *Inputs) AddHarbor(ctx context.Context, base, version, compose string, log io.Writer) error {
	err := alone(ctx, in.dir, log, func(m *maker) error { return in.addHarbor(ctx, m, base, version, compose) })
	if err != nil {
		return fmt.Errorf("building Harbor %s: %w", version, err)
	}
	return nil
}

func (in *Inputs) addHarbor(ctx context.Context, m *maker, base, version, compose string) error {
	var err error
	if m.sources, err = sources(ctx); err != nil {
		return err
	}
	program, err := m.harborProgram(ctx)
	if err != nil {
		return err
	}
	r, err := rootOf(base)
	if err != nil {
		return err
	}
	images, err := m.harborImages(ctx, r, version, program)
	if err != nil {
		return err
	}
	scripts := filepath.Join(m.sources, "harbor")
	installer := newTree().
		program("harbor/prepare", filepath.Join(scripts, "prepare.sh")).
		program("harbor/harbor.v"+version+".tar.gz", images).
		text("harbor/harbor.yml.tmpl", "# Nobody reads the template: satchel writes the whole configuration.\n")
	archive, err := m.archive(ctx, "harbor-offline-installer-v"+version+".tgz", installer)
	if err != nil {
		return err
	}
	const github = "https://github.com/"
	in.files[github+"goharbor/harbor/releases/download/v"+version+"/harbor-offline-installer-v"+version+".tgz"] = archive
	in.files[github+"docker/compose/releases/download/v"+compose+"/docker-compose-linux-"+machines[runtime.GOARCH]] = filepath.Join(scripts, "docker-compose.sh")
	return nil
}

// harborProgram builds the stand-in anew each time: it is small, and its sources are
// this module's own. The same program has the same name.
func (m *maker) harborProgram(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "satchel-harbor-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, "harbor")
	args := []string{"go", "build", "-tags=lab", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", temp, "github.com/satchel-kit/satchel/internal/lab/harbor"}
	if err := run(ctx, m.sources, []string{"CGO_ENABLED=0", "GOFLAGS="}, args...); err != nil {
		return "", err
	}
	sum, err := checksum(temp)
	if err != nil {
		return "", err
	}
	return m.make(ctx, "bin/harbor-"+sum[:12]+"/harbor", func(final string) error {
		content, err := os.ReadFile(temp)
		if err != nil {
			return err
		}
		return os.WriteFile(final, content, 0o755)
	})
}

// harborImages makes the archive of Harbor's images that `docker load` reads.
func (m *maker) harborImages(ctx context.Context, r *root, version, program string) (string, error) {
	front := newTree().program("usr/bin/harbor", program)
	registry := newTree()
	if err := r.addProgram(registry, "usr/bin/docker-registry"); err != nil {
		return "", err
	}
	list := []image{
		{name: "goharbor/prepare:v" + version, layers: []*tree{accounts(), front}, config: v1.Config{Entrypoint: []string{"/usr/bin/harbor"}}},
		{name: "goharbor/harbor-core:v" + version, layers: []*tree{accounts(), registry, front}, config: v1.Config{Entrypoint: []string{"/usr/bin/harbor"}}},
	}
	h := sha256.New()
	fmt.Fprintln(h, r.versions, runtime.Version())
	for _, img := range list {
		fmt.Fprintf(h, "%q %+v\n", img.name, img.config)
		for _, t := range img.layers {
			t.describe(h)
		}
	}
	file := fmt.Sprintf("files/%x/harbor.tar.gz", h.Sum(nil)[:6])
	return m.make(ctx, file, func(temp string) error {
		images := map[name.Tag]v1.Image{}
		made := map[*tree]v1.Layer{}
		for _, img := range list {
			built, err := img.single(ctx, made)
			if err != nil {
				return err
			}
			tag, err := name.NewTag(img.name)
			if err != nil {
				return err
			}
			images[tag] = built
		}
		f, err := os.Create(temp)
		if err != nil {
			return err
		}
		zip, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		return errors.Join(tarball.MultiWrite(images, zip), zip.Close(), f.Close())
	})
}
