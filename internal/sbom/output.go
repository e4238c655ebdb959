package sbom

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile writes a document so that path has either all of it or what it had.
func WriteFile(path string, document []byte) error {
	if err := writeWhole(path, document); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	return nil
}

func writeWhole(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
