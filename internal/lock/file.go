package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// checksumLimit is ample for a list of every file of a release.
const checksumLimit = 1 << 20

func (r *resolver) file(ctx context.Context, want plan.File) (f File, err error) {
	bar := r.bars.Start(want.Path, 0)
	defer func() { bar.Done(err) }()
	w, err := r.download(ctx, want, bar.Add)
	if err != nil {
		return File{}, fmt.Errorf("locking file %q: %w", want.Path, err)
	}
	r.store.Name(w.digest, want.URL)
	digits := strings.TrimPrefix(w.digest, "sha256:")
	return File{Path: want.Path, URL: want.URL, SHA256: digits, Size: w.size}, nil
}

// found is what a file turned out to be.
type found struct {
	digest string
	size   int64
}

// download brings a file into the cache. Where upstream publishes a checksum it
// comes first: then a broken transfer can go on in a later run.
func (r *resolver) download(ctx context.Context, want plan.File, watch func(int64)) (found, error) {
	if want.ChecksumURL == "" {
		return r.unlisted(ctx, want.URL, watch)
	}
	digest, err := r.checksum(ctx, want)
	if err != nil {
		return found{}, err
	}
	if have, err := r.rehash(digest); err == nil {
		return have, nil
	}
	w, err := r.store.Writer(ctx, digest, -1)
	if errors.Is(err, fs.ErrExist) {
		return r.rehash(digest)
	}
	if err != nil {
		return found{}, err
	}
	defer w.Close()
	got, err := r.fill(ctx, want.URL, "", w, watch)
	if errors.Is(err, cache.ErrMismatch) {
		return found{}, fmt.Errorf("what %s has does not fit its checksum at %s: %w (one of them is damaged or not upstream's: check it, or name another mirror in `sources:`)",
			r.client.Where(want.URL, ""), r.client.Where(want.ChecksumURL, ""), err)
	}
	return got, err
}

// unlisted brings a file into the cache of which upstream publishes no checksum. What an
// earlier run has brought is what the server has if the server says so.
func (r *resolver) unlisted(ctx context.Context, address string, watch func(int64)) (found, error) {
	// Two mirrors may use one name for two versions.
	from := address + " " + r.client.Where(address, "")
	w, err := r.store.Download(ctx, from)
	if err != nil {
		return found{}, err
	}
	defer w.Close()
	last := r.store.Arrived(from)
	got, err := r.fill(ctx, address, last.Version, w, watch)
	if errors.Is(err, upstream.ErrUnchanged) {
		if got, err = r.rehash(last.Digest); err != nil { // it is dropped, or another process has
			got, err = r.fill(ctx, address, "", w, watch)
		}
	}
	return got, err
}

// fill downloads a URL, unless the server still has a version. When bytes of an earlier
// run turn out wrong it drops them and downloads again, once.
func (r *resolver) fill(ctx context.Context, address, version string, w *cache.Writer, watch func(int64)) (found, error) {
	w.Watch(watch)
	resumed := w.Offset() > 0
	for {
		if err := r.client.FileUnless(ctx, address, -1, version, w); err != nil {
			return found{}, err
		}
		got := found{w.Digest(), w.Offset()}
		err := w.Commit()
		if errors.Is(err, cache.ErrMismatch) && resumed {
			resumed = false
			continue
		}
		return got, err
	}
}

// rehash reads a file that is in the cache already. Its size goes into the lock,
// so a stat would not do.
func (r *resolver) rehash(digest string) (found, error) {
	f, err := r.store.Get(digest)
	if err != nil {
		return found{}, err
	}
	defer f.Close()
	size, err := hashed(f, digest)
	if err != nil {
		return found{}, errors.Join(err, r.store.Drop(digest))
	}
	return found{digest, size}, nil
}

func (r *resolver) checksum(ctx context.Context, want plan.File) (digest string, err error) {
	list, err := r.client.Text(ctx, want.ChecksumURL, checksumLimit)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(want.URL)
	if err != nil {
		return "", errors.New("the address is not a URL")
	}
	digits, err := findChecksum(string(list), u.Path)
	if err != nil {
		return "", fmt.Errorf("reading the checksums at %s: %w", want.ChecksumURL, err)
	}
	return "sha256:" + digits, nil
}

// findChecksum reads the three shapes in which projects publish a checksum: the
// bare sum, "SUM  NAME" (before a binary file's name, an asterisk), and a list.
// A name may have directories; then they must be those of the file's path.
func findChecksum(list, file string) (string, error) {
	var sums []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(strings.ToLower(line))
		if len(fields) == 0 || !isSHA256(fields[0]) {
			continue
		}
		named := strings.Fields(line)
		last := path.Clean("/" + strings.TrimPrefix(named[len(named)-1], "*"))
		if len(fields) > 1 && strings.HasSuffix("/"+file, last) {
			return fields[0], nil
		}
		sums = append(sums, fields[0])
	}
	switch len(sums) {
	case 0:
		return "", errors.New("there is no SHA-256 in it")
	case 1:
		return sums[0], nil
	}
	return "", fmt.Errorf("none of its %d lines is about %q", len(sums), path.Base(file))
}

// hashed reads all of r and checks its digest.
func hashed(r io.Reader, digest string) (int64, error) {
	sum := newDigester()
	n, err := io.Copy(sum, r)
	if err == nil && sum.digest() != digest {
		err = fmt.Errorf("%s in the cache is damaged", digest)
	}
	return n, err
}
