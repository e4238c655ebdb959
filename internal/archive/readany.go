package archive

import (
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// ReadAny is Read without an order and with several visits at once: of a directory or
// a plain tar, the largest entries first. Compressed archives it reads as Read does.
// visit must be fit for that. All headers of a tar are checked before the first visit;
// if they are not sound, what stands before the fault is visited all the same.
func ReadAny(ctx context.Context, path string, visit func(Entry) error) error {
	at, err := find(path)
	if err != nil {
		return err
	}
	if at.unpacked {
		return readDirAny(ctx, path, visit)
	}
	b, err := at.open(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	v := &visitor{visit: visit}
	in := stream(b)
	format, err := detect(in)
	if err == nil && format == Tar {
		return v.outcome(path, v.tarAny(ctx, b, in))
	}
	if err == nil {
		err = readStream(ctx, in, v.entry)
	}
	return v.outcome(path, err)
}

func (v *visitor) tarAny(ctx context.Context, b body, in io.ReadSeeker) error {
	var all []Entry
	problem := scan(ctx, in, func(e Entry, s span) error {
		e.Open = func() (io.ReadCloser, error) { return &entryBody{ctx, &spanBody{body: b, span: s}}, nil }
		all = append(all, e)
		return nil
	})
	v.any(ctx, all)
	return problem
}

// any visits the entries, and keeps the first error.
func (v *visitor) any(ctx context.Context, all []Entry) {
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Compare(b.Size, a.Size) })
	group, ctx := errgroup.WithContext(ctx)
	next := make(chan Entry)
	group.Go(func() error {
		defer close(next)
		for _, e := range all {
			select {
			case next <- e:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		group.Go(func() error {
			for e := range next {
				if err := v.visit(e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	v.err = group.Wait()
}

// spanBody is a stretch of a body.
type spanBody struct {
	body  body
	span  span
	ahead ahead
}

func (s *spanBody) Close() error { return nil }

func (s *spanBody) Read(p []byte) (int, error) {
	done := s.ahead.at
	left := s.span.size - done
	if left == 0 {
		return 0, io.EOF
	}
	s.ahead.ask(func(at, n int64) {
		if n = min(n, s.span.size-at); n > 0 {
			s.body.willRead(s.span.begin+at, n)
		}
	})
	n, err := s.body.ReadAt(p[:min(int64(len(p)), left)], s.span.begin+done)
	s.ahead.at += int64(n)
	if errors.Is(err, io.EOF) {
		if err = nil; int64(n) < left && n < len(p) {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

// aheadBy is how much the disk is asked for at a time: enough that moving a head to it
// is a small part of the time.
const aheadBy = 4 << 20

// ahead is how far a reader is, and how far the disk was asked to be.
type ahead struct{ at, asked int64 }

// ask is for the moment before each read, except the first: most files are small.
func (a *ahead) ask(willRead func(at, n int64)) {
	if a.at == 0 || a.at+aheadBy < a.asked {
		return
	}
	from := max(a.asked, a.at)
	willRead(from, aheadBy)
	a.asked = from + aheadBy
}
