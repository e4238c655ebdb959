// Package serve answers HTTP requests from a bundle: it is a read-only registry of
// the bundle's images (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md,
// the pull part) and gives out its files and packages.
//
// It changes nothing, gives out nothing that bundle.json does not list, and keeps
// no content in memory. It checks sizes and leaves digests to its clients, which
// check them anyway, and to verify.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/bundle"
)

// Server is an http.Handler over one bundle. It must be closed.
type Server struct {
	bundle  *bundle.Reader
	catalog *catalog
	log     *slog.Logger
}

// Option changes what New makes.
type Option func(*Server)

// WithLog has requests logged at the level of information, and what is wrong with
// the bundle as errors.
func WithLog(log *slog.Logger) Option { return func(s *Server) { s.log = log } }

// New opens the bundle at path: an unpacked directory or a plain tar.
func New(ctx context.Context, path string, options ...Option) (*Server, error) {
	b, err := bundle.OpenReader(ctx, path)
	if err != nil {
		return nil, err
	}
	s := &Server{bundle: b, log: slog.New(slog.DiscardHandler)}
	mediaTypes, err := b.MediaTypes()
	if err == nil {
		s.catalog, err = newCatalog(b.Manifest.Images, mediaTypes, b.BlobSizes())
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("opening bundle %q: %w", path, err)
	}
	for _, option := range options {
		option(s)
	}
	return s, nil
}

// Manifest is what the bundle says about itself.
func (s *Server) Manifest() *bundle.Manifest { return s.bundle.Manifest }

// Close ends the reading of the bundle.
func (s *Server) Close() error { return s.bundle.Close() }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	a := newAnswer(w)
	s.route(a, r)
	s.log.Info("request", "from", r.RemoteAddr, "method", r.Method, "uri", r.RequestURI,
		"status", a.status, "bytes", a.bytes, "took", time.Since(began).Round(time.Microsecond))
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case path == "/v2" || strings.HasPrefix(path, "/v2/"):
		s.registry(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this server is read-only", http.StatusMethodNotAllowed)
	case path == "/healthz":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "ok\n")
	case strings.HasPrefix(path, "/files/"), strings.HasPrefix(path, "/packages/"):
		s.file(w, r, path[1:])
	default:
		http.NotFound(w, r)
	}
}

// file answers with a file of the bundle.
func (s *Server) file(w http.ResponseWriter, r *http.Request, path string) {
	f, listed, err := s.bundle.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, fmt.Sprintf("the bundle has no file %q", path), http.StatusNotFound)
	case err != nil:
		s.log.Error("the bundle is damaged", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		defer f.Close()
		serveContent(w, r, f, "application/octet-stream", "sha256:"+listed.SHA256)
	}
}

// serveContent answers with content, in whole or in part. The type is set, so that
// nobody guesses it; there is no time, because a bundle knows none.
func serveContent(w http.ResponseWriter, r *http.Request, content io.ReadSeeker, mediaType, digest string) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("ETag", `"`+digest+`"`)
	http.ServeContent(w, r, "", time.Time{}, content)
}
