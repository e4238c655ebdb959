package deb

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/satchel-kit/satchel/internal/repository"
)

const (
	arMagic      = "!<arch>\n"
	arHeaderSize = 60
	// maxControl is how large the compressed part with the control file may be, in
	// bytes. It has a package's scripts and checksums as well; the largest of Debian's
	// are some MiB.
	maxControl = 64 << 20
)

// readControl reads the control file of a .deb, and no more of it than is needed: it is
// near the beginning (deb(5)).
func readControl(r io.Reader) ([]byte, error) {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return nil, errors.New("it is no .deb: it does not begin as an ar archive does")
	}
	for n := 0; ; n++ {
		name, size, err := arHeader(r)
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is no .deb: it has no member control.tar")
		}
		if err != nil {
			return nil, err
		}
		if n == 0 && name != "debian-binary" {
			return nil, fmt.Errorf("it is no .deb: its first member is %.20q, not debian-binary", name)
		}
		suffix, found := strings.CutPrefix(name, "control.tar")
		if !found {
			// Members are padded to an even size.
			if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
				return nil, fmt.Errorf("reading the member %s: %w", name, repository.CutShort(err))
			}
			continue
		}
		control, err := controlMember(io.LimitReader(r, size), size, suffix)
		if err != nil {
			return nil, fmt.Errorf("reading the member %s: %w", name, err)
		}
		return control, nil
	}
}

// arHeader reads the name and the size in bytes of the next member.
func arHeader(r io.Reader) (name string, size int64, err error) {
	head := make([]byte, arHeaderSize)
	if _, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.EOF) {
			return "", 0, io.EOF
		}
		return "", 0, repository.CutShort(err)
	}
	if string(head[58:]) != "`\n" {
		return "", 0, errors.New("it is damaged: there is no header of a member where one should be")
	}
	name = strings.TrimSuffix(strings.TrimRight(string(head[:16]), " "), "/")
	size, err = parseSize(strings.TrimRight(string(head[48:58]), " "))
	if err != nil {
		return "", 0, fmt.Errorf("the member %.20q: %w", name, err)
	}
	return name, size, nil
}

// controlMember takes the file control out of the tar that is in a member.
func controlMember(r io.Reader, size int64, suffix string) (control []byte, err error) {
	if size > maxControl {
		return nil, fmt.Errorf("it has %d bytes; more than %d are not read", size, maxControl)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if int64(len(content)) < size {
		return nil, repository.CutShort(io.EOF)
	}
	for _, f := range repository.Formats {
		if f.Suffix == suffix {
			err := f.Decompress(content, 8*maxControl, func(r io.Reader) (err error) {
				control, err = findControl(tar.NewReader(r))
				return err
			})
			return control, err
		}
	}
	return nil, fmt.Errorf("%q is a compression that is not known", suffix)
}

func findControl(t *tar.Reader) ([]byte, error) {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it has no file control")
		}
		if err != nil {
			return nil, err
		}
		if path.Clean(h.Name) != "control" || h.Typeflag != tar.TypeReg {
			continue
		}
		if h.Size > maxStanza {
			return nil, fmt.Errorf("its file control has %d bytes; more than %d are not read", h.Size, maxStanza)
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, t); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
}
