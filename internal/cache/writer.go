package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/satchel-kit/satchel/internal/disk"
)

// ErrMismatch is wrapped by the errors about content that is not what its
// digest or size promised.
var ErrMismatch = errors.New("content does not match")

// Writer takes the bytes of one blob in order and hashes them on the way. Until
// Commit they lie under partial/, locked against other writers, or in a file of its own.
type Writer struct {
	cache *Cache
	file  *os.File // nil for one that keeps nothing
	want  string   // digest; empty if it is not known in advance
	size  int64    // -1 if it is not known in advance
	sum   hash.Hash
	n     int64
	watch func(int64)
	to    *disk.Writer // file, from n on
	also  *disk.Writer // where else the bytes go, or nil
}

// Writer opens a blob for writing and goes on where an earlier writer broke
// off. It waits while another process writes the same blob; the error wraps
// fs.ErrExist if the blob is there. Without locks it does neither, and begins anew. A size
// of -1 means that it is not known.
func (c *Cache) Writer(ctx context.Context, digest string, size int64) (*Writer, error) {
	path, err := c.blob(digest)
	if err != nil {
		return nil, err
	}
	f, err := c.openFor(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("opening %s in the cache: %w", digest, explain(err))
	}
	w := &Writer{cache: c, file: f, want: digest, size: size, sum: sha256.New()}
	if w.n, err = io.Copy(w.sum, f); err == nil && size >= 0 && w.n > size {
		err = w.Restart()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("reading the beginning of %s: %w", digest, err)
	}
	w.to = disk.NewKeepingWriter(f, 0)
	if err := w.to.Skip(w.n); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// Temp opens a writer for content whose digest is not known in advance.
func (c *Cache) Temp(ctx context.Context) (*Writer, error) {
	f, err := c.create(ctx)
	if err != nil {
		return nil, fmt.Errorf("creating a file in the cache: %w", explain(err))
	}
	return &Writer{cache: c, file: f, size: -1, sum: sha256.New(), to: disk.NewKeepingWriter(f, 0)}, nil
}

// Passing is a writer whose bytes go to a place outside of the cache, and are hashed like
// those of any other; the cache keeps nothing.
func Passing(digest string, size int64, to *disk.Writer) *Writer {
	return &Writer{want: digest, size: size, sum: sha256.New(), to: to}
}

// Also has the bytes go to a second place on their way into the cache, those of an
// earlier run now.
func (w *Writer) Also(to *disk.Writer) error {
	if _, err := io.Copy(to, io.NewSectionReader(w.file, 0, w.n)); err != nil {
		return fmt.Errorf("copying the beginning of %s: %w", w.want, err)
	}
	w.also = to
	w.to = disk.NewWriter(w.file, 0) // nobody has to read it here
	return w.to.Skip(w.n)
}

// Watch has f called with the number of bytes that came in, now for those of an
// earlier run, and with a negative number when they are dropped.
func (w *Writer) Watch(f func(n int64)) {
	w.watch = f
	w.tell(w.n)
}

// Offset is the number of bytes that are there.
func (w *Writer) Offset() int64 { return w.n }

// Digest is the digest of the bytes that are there.
func (w *Writer) Digest() string { return fmt.Sprintf("sha256:%x", w.sum.Sum(nil)) }

// AvailableBuffer is where the next bytes are spared a copy; see disk.Writer.
func (w *Writer) AvailableBuffer() []byte {
	if w.also != nil {
		return w.also.AvailableBuffer()
	}
	return w.to.AvailableBuffer()
}

// Write appends p.
func (w *Writer) Write(p []byte) (int, error) {
	if w.size >= 0 && w.n+int64(len(p)) > w.size {
		return 0, errors.Join(fmt.Errorf("%w: more than the %d bytes of %s arrive", ErrMismatch, w.size, w.want), w.Restart())
	}
	n, err := w.to.Write(p)
	if err != nil && w.file != nil {
		err = fmt.Errorf("writing to the cache: %w", explain(err))
	}
	if err == nil && w.also != nil {
		_, err = w.also.Write(p)
	}
	w.sum.Write(p[:n])
	w.n += int64(n)
	w.tell(int64(n))
	return n, err
}

// Restart drops the bytes that are there.
func (w *Writer) Restart() error {
	w.tell(-w.n)
	w.sum.Reset()
	w.n = 0
	w.to.Rewind()
	if w.also != nil {
		w.also.Rewind()
	}
	if w.file == nil {
		return nil
	}
	if err := w.file.Truncate(0); err != nil {
		return fmt.Errorf("emptying a file in the cache: %w", err)
	}
	return nil
}

// Commit makes the bytes a blob of the cache. Bytes that are not the wanted
// ones are dropped: the writer is then empty and may be used again.
func (w *Writer) Commit() error {
	digest := w.Digest()
	if w.want != "" && digest != w.want || w.size >= 0 && w.n != w.size {
		err := fmt.Errorf("%w: got %s with %d bytes, want %s", ErrMismatch, digest, w.n, w.want)
		if w.size >= 0 {
			err = fmt.Errorf("%w with %d", err, w.size)
		}
		return errors.Join(err, w.Restart())
	}
	if err := w.flush(); err != nil {
		return fmt.Errorf("writing %s: %w", digest, explain(err))
	}
	if w.cache == nil {
		return nil
	}
	path, err := w.cache.blob(digest)
	if err != nil {
		return err
	}
	if err := w.publish(path); err != nil {
		return fmt.Errorf("storing %s in the cache: %w", digest, explain(err))
	}
	return nil
}

func (w *Writer) flush() error {
	err := w.to.Flush()
	if w.also != nil {
		err = errors.Join(err, w.also.Flush())
	}
	return err
}

func (w *Writer) publish(path string) error {
	// Read-only, so that a hard link or a careless hand cannot change it.
	if err := w.file.Chmod(0o444); err != nil {
		return err
	}
	// Nothing waits for the disk here: who uses the bytes for good hashes them, so that
	// a power failure costs another fetch, and no build has to write its gigabytes
	// twice before it is done.
	if err := os.Rename(w.file.Name(), path); err != nil {
		return err
	}
	return w.release()
}

// Close ends the writing. What has no Commit stays for a later run if its digest is known
// and there are locks, and goes otherwise. After Commit it does nothing.
func (w *Writer) Close() error {
	if w.file == nil {
		return nil
	}
	var err error
	if w.want == "" || w.n == 0 || w.cache.noLocks != nil {
		if err = os.Remove(w.file.Name()); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return errors.Join(err, w.release())
}

func (w *Writer) release() error {
	err := w.file.Close()
	w.file = nil
	return err
}

func (w *Writer) tell(n int64) {
	if w.watch != nil && n != 0 {
		w.watch(n)
	}
}
