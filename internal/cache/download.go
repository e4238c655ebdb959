package cache

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// Arrival is what an earlier download from somewhere came to. It is only a note: who uses
// the blob hashes it.
type Arrival struct {
	// Version is what the server calls it.
	Version string
	// Digest and Size are of the bytes that came.
	Digest string
	Size   int64
	// Broken says that there are more, and that these are in a partial file.
	Broken bool
}

// Arrived is what has come from somewhere and is in the cache, with its size if not with
// its digest; without a version if nothing is.
func (c *Cache) Arrived(from string) Arrival {
	a := c.arrival(from)
	if a.Broken || a.Version == "" || !c.Has(a.Digest, a.Size) {
		return Arrival{}
	}
	return a
}

func (c *Cache) arrival(from string) (a Arrival) {
	if json.Unmarshal(c.Note(arrivalName(from)), &a) != nil {
		return Arrival{}
	}
	return a
}

func arrivalName(from string) string { return "from " + from }

// Download opens a writer for content of which only where it comes from is known. It goes
// on where an earlier one broke off, if that has left a version and these very bytes, and
// waits while another process downloads from there. Without locks it does neither.
func (c *Cache) Download(ctx context.Context, from string) (*Writer, error) {
	w, err := c.resume(ctx, fmt.Sprintf("from-%x", sha256.Sum256([]byte(from))), "")
	if err != nil {
		return nil, fmt.Errorf("opening a file in the cache: %w", err)
	}
	w.from = from
	if w.n == 0 {
		return w, nil
	}
	// What a power failure leaves may have the length and other bytes.
	if a := c.arrival(from); a.Broken && a.Digest == w.Digest() {
		w.version = a.Version
		return w, nil
	}
	if err := w.Restart(); err != nil {
		w.file.Close()
		return nil, err
	}
	return w, nil
}

// Version is what the server calls the bytes of a download.
func (w *Writer) Version() string { return w.version }

// Begin says what the bytes of a download are of, or "" if nobody can tell later.
func (w *Writer) Begin(version string) { w.version = version }

// arrived notes for later runs what a download came to. Without the note they download it
// again, so that a failure is none.
func (w *Writer) arrived() {
	if w.from != "" {
		_ = w.note(false)
	}
}

// brokeOff keeps the beginning of a download for a later run, and tells whether it did.
func (w *Writer) brokeOff() bool {
	return w.from != "" && w.version != "" && w.flush() == nil && w.note(true) == nil
}

func (w *Writer) note(broken bool) error {
	if w.version == "" {
		return w.cache.SetNote(arrivalName(w.from), nil)
	}
	raw, err := json.Marshal(Arrival{Version: w.version, Digest: w.Digest(), Size: w.n, Broken: broken})
	if err != nil {
		return err
	}
	return w.cache.SetNote(arrivalName(w.from), raw)
}
