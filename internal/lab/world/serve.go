//go:build lab && linux

package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/satchel-kit/satchel/internal/plan"
)

// World is a registry and a file server on the loopback interface.
type World struct {
	host    string
	server  *http.Server
	sources []plan.Source
}

// Serve starts a world with the images and files, which must all be among the
// inputs. Images are below the name of their upstream registry, files below that
// of their host. It ends with Close.
func Serve(ctx context.Context, in *Inputs, images []plan.Image, files []plan.File) (*World, error) {
	content, err := in.content(files)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the servers of the lab's inputs: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v2/", registry.New(
		registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(in.layout, "blobs"))),
	))
	mux.Handle("/", content)
	w := &World{
		host:   listener.Addr().String(),
		server: &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute},
	}
	go w.server.Serve(listener) // ends with Close
	w.sources = sourcesFor(w.host, images, files)
	if err := in.push(ctx, w.host, images); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Sources maps every upstream host to the world, sorted by prefix.
func (w *World) Sources() []plan.Source { return slices.Clone(w.sources) }

// Close stops the servers.
func (w *World) Close() error { return w.server.Close() }

func sourcesFor(host string, images []plan.Image, files []plan.File) []plan.Source {
	var all []plan.Source
	for _, img := range images {
		name := img.Name
		if img.Recipe != nil {
			name = img.Recipe.Base // nothing upstream has what satchel makes itself
		}
		upstream, _, _ := strings.Cut(name, "/")
		all = append(all, plan.Source{Prefix: upstream, Mirror: "http://" + host + "/" + upstream})
	}
	for _, f := range files {
		for _, address := range []string{f.URL, f.ChecksumURL} {
			if u, err := url.Parse(address); err == nil && u.Host != "" {
				all = append(all, plan.Source{Prefix: u.Scheme + "://" + u.Host, Mirror: "http://" + host + "/" + u.Host})
			}
		}
	}
	slices.SortFunc(all, func(a, b plan.Source) int { return strings.Compare(a.Prefix, b.Prefix) })
	return slices.Compact(all)
}
