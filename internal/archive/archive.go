// Package archive writes and reads the one file that a bundle travels in: a
// tar, plain or compressed, whose bytes depend on its entries alone, and which can
// be split into parts for media that it is too large for. It reads the parts, and an
// unpacked directory, through the same door, so that the stages above never ask
// which of them they have.
//
// It knows regular files and nothing else: no links, devices, owners or times.
// It must not know what a bundle is, and it is the only package that imports
// archiver.
package archive

import (
	"errors"
	"io"
	"io/fs"
)

// ErrTruncated says that an archive ends before its end marker.
var ErrTruncated = errors.New("the archive is cut short")

// Entry is one regular file of an archive.
type Entry struct {
	// Path is slash-separated and relative to the archive's root.
	Path string
	// Mode is 0o644 or 0o755 when writing; reading shows what is there.
	Mode fs.FileMode
	// Size is in bytes. The content must have exactly this size.
	Size int64
	// Open gives the content. When reading, it works once, and only until
	// the visit of the entry ends.
	Open func() (io.ReadCloser, error)
	// There, if not nil, waits for a content that others write to its place in the
	// archive, see WriteFile. It is false if nobody does: then Open is asked.
	There func() (bool, error)
}
