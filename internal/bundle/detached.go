package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchel-kit/satchel/internal/archive"
)

// DetachedName is where the signature of a bundle lies that is not in the bundle.
func DetachedName(path string) string {
	return archive.Whole(strings.TrimRight(path, string(filepath.Separator))) + ".sig"
}

// WriteDetached writes a signature beside the bundle.
func WriteDetached(ctx context.Context, path string, signature []byte) error {
	if err := writeSmall(ctx, DetachedName(path), signature); err != nil {
		return fmt.Errorf("writing the signature of %q: %w", path, err)
	}
	return nil
}

// ReadDetached reads the signature beside the bundle; it is nil if there is none.
func ReadDetached(path string) ([]byte, error) {
	f, err := os.Open(DetachedName(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signature of %q: %w", path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limitOf(signatureName)))
	if err != nil {
		return nil, fmt.Errorf("reading the signature of %q: %w", path, err)
	}
	return text, nil
}

func writeSmall(ctx context.Context, path string, data []byte) error {
	_, err := replace(ctx, path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
	return err
}
