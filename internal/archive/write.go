package archive

import (
	"context"
	"fmt"
	"io"

	"github.com/mholt/archiver/v4"
)

// Write writes the entries to w in the order given. The bytes depend on the
// format and the entries alone. It leaves w open.
func Write(ctx context.Context, w io.Writer, format Format, entries []Entry) error {
	if err := checkEntries(entries); err != nil {
		return err
	}
	// The compressors trust a writer that writes less without an error;
	// archiver drops the error of closing its tar writer, which can be the one
	// of the end marker. So each has a sink below it that remembers failures.
	disk := &sink{w: w}
	zw, err := format.compress(disk)
	if err != nil {
		return fmt.Errorf("writing archive: %w", err)
	}
	out := &sink{w: zw}
	var cause error
	files := make([]archiver.FileInfo, len(entries))
	for i, e := range entries {
		files[i] = member(ctx, e, &cause)
	}
	tarErr := archiver.Tar{}.Archive(ctx, out, files)
	closeErr := zw.Close()
	for _, err := range []error{cause, disk.err, out.err, tarErr, closeErr} {
		if err != nil {
			return fmt.Errorf("writing archive: %w", err)
		}
	}
	return nil
}

// checkEntries finds everything that can be wrong before a byte is written.
func checkEntries(entries []Entry) error {
	seen := names{}
	for _, e := range entries {
		if err := seen.add(e.Path); err != nil {
			return fmt.Errorf("writing archive: %w", err)
		}
		if e.Mode != 0o644 && e.Mode != 0o755 {
			return fmt.Errorf("writing archive: entry %q has mode %#o, not 0644 or 0755", e.Path, uint32(e.Mode))
		}
		if e.Size < 0 {
			return fmt.Errorf("writing archive: entry %q has size %d", e.Path, e.Size)
		}
	}
	return nil
}

// sink remembers the first failure and refuses all writes after it.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	s.err = err
	return n, err
}
