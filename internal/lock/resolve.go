package lock

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// Resolve asks upstream what every name stands for now, and makes the images that
// have a recipe. It stores what it had to read (manifests, configs, files) or made
// in the cache, and returns all errors together. So many names are asked about at once;
// each is a few small requests, or one file.
func Resolve(ctx context.Context, client *upstream.Client, store *cache.Cache, images []plan.Image, files []plan.File, jobs int, bars *progress.Bars) (*Lock, error) {
	r := &resolver{client: client, from: client, store: store, bars: bars}
	for _, want := range images {
		if want.Recipe != nil {
			r.made = append(r.made, want.Name)
		}
	}
	l := &Lock{Format: Format, Images: make([]Image, len(images)), Files: make([]File, len(files))}
	var tasks []func() error
	for i, want := range images {
		resolve := r.image
		switch {
		case want.Recipe != nil:
			resolve = r.derived
		case want.Archive != nil:
			resolve = r.archived
		}
		tasks = append(tasks, func() (err error) { l.Images[i], err = resolve(ctx, want); return })
	}
	for i, want := range files {
		tasks = append(tasks, func() (err error) { l.Files[i], err = r.file(ctx, want); return })
	}
	if err := runAll(ctx, tasks, jobs); err != nil {
		return nil, err
	}
	slices.SortFunc(l.Images, func(a, b Image) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(l.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return l, l.validate()
}

type resolver struct {
	client *upstream.Client
	from   origin // of images: the client, or an archive
	store  *cache.Cache
	bars   *progress.Bars
	made   []string // names of the images that satchel makes
	asked  sync.Map // what was asked about an image, as a func() (Image, error)
}

// runAll runs every task and joins the errors in the order of the tasks. Once a
// server is out of reach, or the disk full, it begins no more of them: none would
// fare better.
func runAll(ctx context.Context, tasks []func() error, jobs int) error {
	problems := make([]error, len(tasks))
	var hopeless atomic.Bool
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, task := range tasks {
		group.Go(func() error {
			if hopeless.Load() || ctx.Err() != nil {
				return nil
			}
			problems[i] = task()
			if upstream.Temporary(problems[i]) || cache.Full(problems[i]) {
				hopeless.Store(true)
			}
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if full := slices.IndexFunc(problems, cache.Full); full >= 0 {
		return problems[full] // the others that ran met the same disk
	}
	return errors.Join(problems...)
}
