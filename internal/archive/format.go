package archive

import (
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/mholt/archiver/v4"
)

// Format is how an archive is stored; the value is its file name extension.
type Format string

// The formats. Layers inside images are compressed already, so Tar is the one
// to choose unless the bundle is mostly binaries.
const (
	Tar     Format = ".tar"
	TarGzip Format = ".tar.gz"
	TarZstd Format = ".tar.zst"
)

// FormatOf tells the format that a file name asks for.
func FormatOf(name string) (Format, error) {
	for _, format := range []Format{Tar, TarGzip, TarZstd} {
		if strings.HasSuffix(name, string(format)) {
			return format, nil
		}
	}
	return "", fmt.Errorf("choosing the format of %q: the name must end in %s, %s or %s", name, Tar, TarGzip, TarZstd)
}

// encoderThreads is fixed, not derived from the machine, so that no machine can
// make a difference to the bytes.
const encoderThreads = 4

// maxWindow bounds the memory that a hostile zstd stream can ask for. It is
// what `zstd --long` uses, so archives that were compressed again still open.
const maxWindow = 128 << 20

func zstandard() archiver.Zstd {
	return archiver.Zstd{
		EncoderOptions: []zstd.EOption{
			zstd.WithEncoderConcurrency(encoderThreads),
			zstd.WithEncoderLevel(zstd.SpeedDefault),
		},
		DecoderOptions: []zstd.DOption{zstd.WithDecoderMaxWindow(maxWindow)},
	}
}

// compress wraps w so that closing the result ends the compressed stream but
// leaves w open.
func (f Format) compress(w io.Writer) (io.WriteCloser, error) {
	switch f {
	case Tar:
		return nopCloser{w}, nil
	case TarGzip:
		return archiver.Gz{Multithreaded: true}.OpenWriter(w)
	case TarZstd:
		return zstandard().OpenWriter(w)
	}
	return nil, fmt.Errorf("opening a writer: unknown format %q", string(f))
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// decompress undoes compress.
func (f Format) decompress(r io.Reader) (io.ReadCloser, error) {
	switch f {
	case TarGzip:
		// Decoding gzip does not split, and archiver's reader with goroutines
		// outlives a broken stream.
		zr, err := archiver.Gz{}.OpenReader(r)
		if err != nil {
			return nil, err
		}
		return prefetch(zr), nil
	case TarZstd:
		return zstandard().OpenReader(r)
	}
	return io.NopCloser(r), nil
}
