package deb

import (
	"errors"
	"io"
)

// PackageFile is a .deb of a private repository.
type PackageFile struct {
	// Path is relative to the repository, such as pool/keepalived_2.2.7-1_amd64.deb.
	Path   string
	SHA256 string
	Size   int64
	Open   func() (io.ReadCloser, error)
}

// IndexFile is a file that WriteRepository made.
type IndexFile struct {
	Path string
	Data []byte
}

// WriteRepository makes the indexes of a private repository.
func WriteRepository(files []PackageFile, codename string) ([]IndexFile, error) {
	return nil, errors.ErrUnsupported
}
