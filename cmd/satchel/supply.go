package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/fetch"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/registry"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// supply holds the flags of the commands that bring bytes in.
type supply struct {
	lockFile, cacheDir, ca string
	sources                []string
	jobs                   int
}

func (s *supply) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.lockFile, "lock", "", "the lock file; default: satchel.lock beside the spec")
	cmd.Flags().StringVar(&s.cacheDir, "cache", "", "directory of the cache; default: $SATCHEL_CACHE or the user's cache directory")
	cmd.Flags().StringVar(&s.ca, "ca", "", "file with the certificate of a CA to trust as well, as PEM")
	cmd.Flags().IntVar(&s.jobs, "jobs", fetch.Jobs, "how many transfers run at once")
	cmd.MarkFlagFilename("ca")
	cmd.MarkFlagDirname("cache")
	cmd.Flags().StringArrayVar(&s.sources, "source", nil, "PREFIX=MIRROR, a mirror beside those in the spec (repeatable)")
}

// lockPath is where the lock of a spec lies.
func (s *supply) lockPath(spec string) string {
	if s.lockFile != "" {
		return s.lockFile
	}
	if info, err := os.Stat(spec); err == nil && !info.IsDir() {
		spec = filepath.Dir(spec)
	}
	return filepath.Join(spec, "satchel.lock")
}

func (s *supply) readLock(spec string) (*lock.Lock, error) {
	path := s.lockPath(spec)
	l, err := lock.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w; run: satchel lock %s", path, fs.ErrNotExist, spec)
	}
	return l, err
}

func (s *supply) openCache() (*cache.Cache, error) {
	dir := s.cacheDir
	if dir == "" {
		dir = os.Getenv("SATCHEL_CACHE")
	}
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("finding the cache: %w; name one with --cache DIR", err)
		}
		dir = filepath.Join(base, "satchel")
	}
	return cache.Open(dir)
}

// client asks the spec's sources; those of the command line come first. What
// makes it wait is shown among the bars.
func (s *supply) client(p *plan.Plan, b *progress.Bars) (*upstream.Client, error) {
	if s.jobs < 1 || s.jobs > 64 {
		return nil, usagef("--jobs is a number from 1 to 64, not %d", s.jobs)
	}
	sources := slices.Clone(p.Sources)
	for _, text := range s.sources {
		prefix, mirror, ok := strings.Cut(text, "=")
		if !ok || prefix == "" || mirror == "" {
			return nil, usagef("--source is PREFIX=MIRROR, such as registry.k8s.io=mirror.example.com/k8s, not %q", text)
		}
		sources = slices.DeleteFunc(sources, func(o plan.Source) bool { return o.Prefix == prefix })
		sources = append(sources, plan.Source{Prefix: prefix, Mirror: mirror})
	}
	options := []upstream.Option{upstream.WithNotice(noteRetries(b))}
	if s.ca != "" {
		roots, err := registry.Roots(s.ca)
		if err != nil {
			return nil, err
		}
		options = append(options, upstream.WithRoots(roots))
	}
	return upstream.New(sources, options...)
}

// noteRetries shows among the bars what makes a transfer wait.
func noteRetries(b *progress.Bars) func(registry.Retry) {
	return func(r registry.Retry) {
		b.Note("retrying in %s, attempt %d of %d: %v", r.Wait.Round(100*time.Millisecond), r.Next, r.Of, r.Err)
	}
}

// bars shows progress on stderr.
func bars(cmd *cobra.Command) *progress.Bars {
	return progress.New(cmd.ErrOrStderr())
}
