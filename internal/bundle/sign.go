package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/satchel-kit/satchel/internal/archive"
)

// AddSignature puts a signature of SHA256SUMS behind it, in place of one that is there.
// A directory gets it as a file. An archive is copied with it to out, or, if out is
// empty, beside itself and then takes its own place; nothing else of it changes. watch
// is told the number of bytes that were copied each time.
func AddSignature(ctx context.Context, path, out string, signature []byte, watch func(n int64)) error {
	unpacked, err := archive.Unpacked(path)
	if err != nil {
		return fmt.Errorf("opening bundle: %w", err)
	}
	switch {
	case unpacked && out != "":
		err = errors.New("it is a directory, which gets the signature itself")
	case unpacked:
		err = writeSmall(ctx, filepath.Join(path, signatureName), signature)
	default:
		err = copySigned(ctx, path, out, signature, watch)
	}
	if err != nil {
		return fmt.Errorf("adding the signature to %q: %w", path, err)
	}
	return nil
}

func copySigned(ctx context.Context, path, out string, signature []byte, watch func(n int64)) error {
	format, err := archive.Detect(path)
	if err != nil {
		return err
	}
	var size int64
	switch {
	case out == "":
		// Not the link that leads to it.
		if out, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	default:
		if asked, err := archive.FormatOf(out); err != nil || asked != format {
			return errors.Join(err, fmt.Errorf("the bundle is a %s, and its copy must be called so too", format))
		}
	}
	if st, err := os.Stat(path); err == nil {
		size = st.Size()
	}
	it := atHand(signatureName, Plain, signature)
	entry := archive.Entry{Path: it.Path, Mode: it.Mode.Perm(), Size: it.Size, Open: func() (io.ReadCloser, error) { return it.reader(), nil }}
	_, err = replace(ctx, out, func(f *os.File) error {
		if err := archive.Insert(ctx, path, f, sumsName, entry, watch); err != nil {
			return err
		}
		return readBack(ctx, f.Name(), signature)
	})
	return explainSpace(err, size, filepath.Dir(out))
}

// readBack makes sure that the copy is a bundle and has the signature where archives
// have it.
func readBack(ctx context.Context, path string, signature []byte) error {
	if _, err := open(ctx, path); err != nil {
		return err
	}
	var got []byte
	seen := 0
	err := archive.Read(ctx, path, func(e archive.Entry) (err error) {
		if seen++; e.Path == signatureName {
			got, err = readBounded(e, len(signature))
		}
		if err == nil && seen == len(metadata) {
			err = fs.SkipAll
		}
		return err
	})
	if err == nil && !bytes.Equal(got, signature) {
		err = errors.New("reading the bundle back: the signature is not there")
	}
	return err
}
