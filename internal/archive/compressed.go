package archive

import (
	"bytes"
	"fmt"
	"io"

	"github.com/mholt/archiver/v4"
)

// compressions are how content begins that is compressed.
var compressions = []struct {
	name, begins string
	open         func(io.Reader) (io.ReadCloser, error)
}{
	{"gzip", "\x1f\x8b", archiver.Gz{}.OpenReader},
	{"zstd", "\x28\xb5\x2f\xfd", zstandard().OpenReader},
	{"xz", "\xfd7zXZ\x00", archiver.Xz{}.OpenReader},
	{"bzip2", "BZh", archiver.Bz2{}.OpenReader},
}

// Compression tells what content is compressed with, by its first bytes, of which six are
// enough: gzip, zstd, xz, bzip2; or nothing.
func Compression(head []byte) string {
	for _, c := range compressions {
		if bytes.HasPrefix(head, []byte(c.begins)) {
			return c.name
		}
	}
	return ""
}

// Decompress undoes a compression that Compression named. It sets no limit to what comes
// out.
func Decompress(r io.Reader, compression string) (io.ReadCloser, error) {
	for _, c := range compressions {
		if c.name == compression {
			return c.open(r)
		}
	}
	return nil, fmt.Errorf("decompressing: unknown compression %q", compression)
}
