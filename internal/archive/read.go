package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Read calls visit for each entry of the archive or directory at path: of an
// archive in stored order, of a directory sorted by path. An archive may be in parts.
// Memory does not grow with the entries' sizes. An error of visit ends the reading and
// is returned as it is, except fs.SkipAll, which ends it in peace.
//
// Names that leave the archive's root, names that occur twice, and whatever is
// not a regular file are errors. An archive that ends too early gives an error
// that is ErrTruncated.
func Read(ctx context.Context, path string, visit func(Entry) error) error {
	at, err := find(path)
	if err != nil {
		return err
	}
	if at.unpacked {
		return readDir(ctx, path, visit)
	}
	b, err := at.open(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	v := &visitor{visit: visit}
	return v.outcome(path, readStream(ctx, stream(b), v.entry))
}

// visitor keeps the visit's own error apart from those of the reading.
type visitor struct {
	visit func(Entry) error
	err   error
}

func (v *visitor) entry(e Entry) error {
	v.err = v.visit(e)
	return v.err
}

// outcome is the error of Read, given that of the reading.
func (v *visitor) outcome(path string, err error) error {
	if v.err != nil {
		return v.result()
	}
	if err != nil {
		return fmt.Errorf("reading archive %q: %w", path, err)
	}
	return nil
}

func (v *visitor) result() error {
	if errors.Is(v.err, fs.SkipAll) {
		return nil
	}
	return v.err
}

// readStream recognises the format by content and reads the tar inside.
func readStream(ctx context.Context, r io.ReadSeeker, visit func(Entry) error) error {
	format, err := detect(r)
	if err != nil {
		return err
	}
	if format == Tar {
		return readTar(ctx, &seekPosition{position{r: r}, r}, visit)
	}
	zr, err := format.decompress(r)
	if err != nil {
		return readError(err)
	}
	err = readTar(ctx, &position{r: zr}, visit)
	return errors.Join(err, zr.Close())
}

// detect looks at the first block and goes back to the start.
func detect(r io.ReadSeeker) (Format, error) {
	head := make([]byte, blockSize)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", readError(err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("going back to the start: %w", err)
	}
	head = head[:n]
	switch compression := Compression(head); {
	case compression == "gzip":
		return TarGzip, nil
	case compression == "zstd":
		return TarZstd, nil
	case n == blockSize && bytes.HasPrefix(head[257:], []byte("ustar")):
		return Tar, nil
	case n < blockSize:
		return "", fmt.Errorf("it has only %d bytes: %w", n, ErrTruncated)
	}
	return "", fmt.Errorf("it is none of %s, %s and %s", Tar, TarGzip, TarZstd)
}

// readError gives the ways in which an input can end too early one name.
func readError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return err
}
