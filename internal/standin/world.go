// Package standin makes small stand-ins for what a bundle is built from: images
// in a registry and files on a server, with fixed bytes. With them the real lock,
// fetch and pack run with no internet, for a first look and for tests. What it
// makes has the right shape and does nothing; it must never be a default source.
package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/satchel-kit/satchel/internal/plan"
)

// World is a registry and a file server on the loopback interface.
type World struct {
	// Host is where both listen, "127.0.0.1:PORT".
	Host string

	server  *http.Server
	sources []plan.Source
}

// Serve starts a world that has the images and files. It ends with Close.
func Serve(ctx context.Context, images []plan.Image, files []plan.File) (*World, error) {
	content, err := Files(files)
	if err != nil {
		return nil, err
	}
	w, err := Start(ctx, content, images, files, registry.WithReferrersSupport(true))
	if err != nil {
		return nil, err
	}
	if err := Push(ctx, w.Host, true, images); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Start starts a world for images and files whose registry is empty, and whose file
// server gives the content. It ends with Close.
func Start(ctx context.Context, content http.Handler, images []plan.Image, files []plan.File, options ...registry.Option) (*World, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the servers of images and files: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v2/", registry.New(append(options, registry.Logger(log.New(io.Discard, "", 0)))...))
	mux.Handle("/", content)
	w := &World{
		Host:   listener.Addr().String(),
		server: &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute},
	}
	go w.server.Serve(listener) // ends with Close
	w.sources = sourcesFor(w.Host, images, files)
	return w, nil
}

// Sources maps every upstream host to the world, sorted by prefix.
func (w *World) Sources() []plan.Source { return slices.Clone(w.sources) }

// Close stops the servers.
func (w *World) Close() error { return w.server.Close() }

func sourcesFor(host string, images []plan.Image, files []plan.File) []plan.Source {
	var all []plan.Source
	for _, img := range bases(images) {
		upstream, _, _ := strings.Cut(img.Name, "/")
		all = append(all, plan.Source{Prefix: upstream, Mirror: "http://" + host + "/" + folder(upstream)})
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
