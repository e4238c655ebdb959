package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/satchel-kit/satchel/internal/archive"
)

// buffers are for contents of any size. They fit into a processor's cache, so that what
// was just read is hashed and written from there.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// copyHashed writes the content to both. A nil w takes nothing.
func copyHashed(w io.Writer, sum hash.Hash, content io.Reader) error {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, err := content.Read(buf[:])
		sum.Write(buf[:n])
		if w != nil && n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// hashEntry reads an entry to its end. keep is for a copy of its content, or nil.
func hashEntry(e archive.Entry, keep io.Writer) (digits string, err error) {
	rc, err := e.Open()
	if err != nil {
		return "", err
	}
	defer rc.Close()
	sum := sha256.New()
	err = copyHashed(keep, sum, rc)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// readSmall reads an entry whose announced size is bounded.
func readSmall(e archive.Entry) ([]byte, error) {
	rc, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(io.LimitReader(rc, e.Size+1))
}
