package archive

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"

	"github.com/satchel-kit/satchel/internal/disk"
)

// MinPart is the size of the smallest part that makes sense.
const MinPart = 64 << 10

// PartWriter writes an archive in parts of equal size, and their list. It must be
// closed, also after an error. None of its files has a final name: that is for its
// user, when all are there.
type PartWriter struct {
	out *relay
	to  *partFiles
}

// NewPartWriter makes the parts of an archive called name in the directory dir.
func NewPartWriter(dir, name string, size int64) (*PartWriter, error) {
	if size < MinPart {
		return nil, fmt.Errorf("splitting %q: a part of %d bytes is smaller than %d", name, size, MinPart)
	}
	to := &partFiles{name: filepath.Join(dir, name), size: size, sum: sha256.New()}
	return &PartWriter{newRelay(to), to}, nil
}

// CheckPartCount tells whether an archive of so many bytes has more parts than three
// digits can count.
func CheckPartCount(total, size int64) error {
	if size > 0 && (total-1)/size >= maxParts {
		return fmt.Errorf("%d bytes in parts of %d are more than %d parts: choose a larger size", total, size, maxParts)
	}
	return nil
}

// Write appends to the parts.
func (w *PartWriter) Write(p []byte) (int, error) { return w.out.Write(p) }

// Close brings the parts and their list to the disk.
func (w *PartWriter) Close() error {
	err := w.out.Close()
	if err == nil && w.to.file != nil {
		err = w.to.endPart()
	}
	if err != nil {
		if w.to.file != nil {
			err = errors.Join(err, w.to.file.Close())
		}
		return fmt.Errorf("writing parts: %w", err)
	}
	return w.to.writeList()
}

// Names are those of the parts and, last, of their list, without the directory.
func (w *PartWriter) Names() []string { return w.to.list.names(w.to.name) }

// partFiles are the parts so far.
type partFiles struct {
	name string
	size int64
	list partList
	// The part that is being written.
	file *os.File
	to   *disk.Writer
	sum  hash.Hash
}

func (p *partFiles) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		if p.file == nil {
			if err := p.beginPart(); err != nil {
				return done, err
			}
		}
		n, err := p.to.Write(b[done : done+int(min(p.size-p.to.Offset(), int64(len(b)-done)))])
		p.sum.Write(b[done : done+n])
		if done += n; err != nil {
			return done, err
		}
		if p.to.Offset() == p.size {
			if err := p.endPart(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

func (p *partFiles) beginPart() error {
	if len(p.list) == maxParts {
		return fmt.Errorf("parts of %d bytes are too small: more than %d are needed", p.size, maxParts)
	}
	f, err := os.OpenFile(partName(p.name, len(p.list)+1), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	p.file, p.to = f, disk.NewWriter(f, 0)
	p.sum.Reset()
	return nil
}

func (p *partFiles) endPart() error {
	p.list = append(p.list, digits(p.sum.Sum(nil)))
	f := p.file
	p.file = nil
	return finish(f)
}

func (p *partFiles) writeList() error {
	f, err := os.OpenFile(PartList(p.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.Write(p.list.bytes(p.name))
		err = errors.Join(err, finish(f))
	}
	if err != nil {
		return fmt.Errorf("writing the list of parts: %w", err)
	}
	return nil
}

// finish brings a file to the disk, readable by all.
func finish(f *os.File) error {
	return errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
}
