package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/satchel-kit/satchel/internal/disk"
)

// parts are the files of an archive that is split. They read as one.
type parts struct {
	files []*os.File
	// ends are the places in the whole where the parts end.
	ends []int64
}

// openParts opens all parts of an archive. Whether one is missing or short shows here;
// their contents are left to CheckParts.
func openParts(ctx context.Context, name string) (*parts, error) {
	list, err := readPartList(name)
	if err != nil {
		return nil, err
	}
	if err := list.checkThere(name); err != nil {
		return nil, err
	}
	p := &parts{}
	var sizes []int64
	for i := range list {
		f, size, err := openRegular(partName(name, i+1))
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("opening part %q: %w", partName(name, i+1), err)
		}
		p.files = append(p.files, f)
		p.ends = append(p.ends, p.size()+size)
		sizes = append(sizes, size)
	}
	if err := checkPartSizes(name, sizes); err != nil {
		p.Close()
		// Their contents tell more, and there is nothing better to do now.
		return nil, cmp.Or(CheckParts(ctx, name), err)
	}
	return p, nil
}

// openRegular opens a file without waiting for a pipe.
func openRegular(name string) (*os.File, int64, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// checkThere names all parts that are missing.
func (l partList) checkThere(name string) error {
	var missing []string
	for i := range l {
		if _, err := os.Stat(partName(name, i+1)); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, filepath.Base(partName(name, i+1)))
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("opening %q, which is in %d parts: %s not there; bring all of them to one directory", name, len(l), isOrAre(missing))
}

func isOrAre(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " are"
}

// checkPartSizes uses that all parts but the last have the same size, and the last is
// not larger.
func checkPartSizes(name string, sizes []int64) error {
	full := slices.Max(sizes)
	var problems []error
	for i, size := range sizes {
		if size < full && i < len(sizes)-1 || size == 0 {
			problems = append(problems, fmt.Errorf("opening part %q: it has %d bytes, and others of %q have %d: it was cut short, or is another part; copy it again",
				partName(name, i+1), size, name, full))
		}
	}
	return errors.Join(problems...)
}

func (p *parts) size() int64 {
	if len(p.ends) == 0 {
		return 0
	}
	return p.ends[len(p.ends)-1]
}

// at finds the part that has the byte at off, and where it has it.
func (p *parts) at(off int64) (part int, begin int64) {
	i := sort.Search(len(p.ends), func(i int) bool { return p.ends[i] > off })
	if i == 0 {
		return 0, off
	}
	return i, off - p.ends[i-1]
}

// ReadAt reads over the ends of parts.
func (p *parts) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("reading before the first part")
	}
	done := 0
	for done < len(b) {
		i, at := p.at(off + int64(done))
		if i == len(p.files) {
			return done, io.EOF
		}
		room := int(min(p.ends[i]-off-int64(done), int64(len(b)-done)))
		n, err := p.files[i].ReadAt(b[done:done+room], at)
		if done += n; n < room {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("part %q became shorter while it was read", p.files[i].Name())
			}
			return done, err
		}
	}
	return done, nil
}

func (p *parts) willRead(at, n int64) {
	if i, begin := p.at(at); i < len(p.files) {
		disk.ReadAhead(p.files[i], begin, n)
	}
}

// Close closes all parts.
func (p *parts) Close() error {
	var problems []error
	for _, f := range p.files {
		problems = append(problems, f.Close())
	}
	return errors.Join(problems...)
}

// CheckParts compares the parts of an archive with their list and names each that is
// not as listed. An archive that is not split has nothing to compare.
func CheckParts(ctx context.Context, path string) error {
	at, err := find(path)
	if err != nil || at.whole == "" {
		return err
	}
	list, err := readPartList(at.whole)
	if err == nil {
		err = list.checkThere(at.whole)
	}
	if err != nil {
		return err
	}
	problems := make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range list {
		group.Go(func() error {
			problems[i] = list.check(ctx, at.whole, i)
			return nil
		})
	}
	group.Wait()
	return errors.Join(problems...)
}

func (l partList) check(ctx context.Context, name string, i int) error {
	part := partName(name, i+1)
	f, size, err := openRegular(part)
	if err != nil {
		return fmt.Errorf("opening part %q: %w", part, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{&entryBody{ctx, f}}, make([]byte, copyBuffer)); err != nil {
		return fmt.Errorf("reading part %q: %w", part, err)
	}
	got := digits(sum.Sum(nil))
	if got == l[i] {
		return nil
	}
	if other := slices.Index(l, got); other >= 0 {
		return fmt.Errorf("part %q has what should be in %s: they were swapped, or one was copied twice; copy them again", part, filepath.Base(partName(name, other+1)))
	}
	return fmt.Errorf("part %q is damaged or cut short: its %d bytes have sha256 %s, %s says %s; copy it again", part, size, got, filepath.Base(PartList(name)), l[i])
}
