package archive

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/satchel-kit/satchel/internal/disk"
)

// WriteFile is Write into an empty file, faster: where the format has a place for
// everything from the start, which a plain tar does, several contents are copied at
// once, each byte straight to its place. The bytes are those of Write. Entries may be
// opened and read from several goroutines, and in any order.
//
// begin, if not nil, is called once before the writing. It is told how to write an entry's
// content to its place in f, for entries whose content others write; or nil where there is
// no such place. Once WriteFile is over, nothing gets there any more.
func WriteFile(ctx context.Context, f *os.File, format Format, entries []Entry, begin func(place func(entry int) *disk.Writer)) error {
	if begin == nil {
		begin = func(func(int) *disk.Writer) {}
	}
	if format != Tar {
		begin(nil)
		return Write(ctx, f, format, entries)
	}
	if err := checkEntries(entries); err != nil {
		return err
	}
	if err := writeTar(ctx, f, entries, begin); err != nil {
		return fmt.Errorf("writing archive: %w", err)
	}
	return nil
}

// TarSize is how much a plain tar with these entries has.
func TarSize(entries []Entry) (int64, error) {
	_, _, size, err := layout(entries)
	return size, err
}

// maxCopies bounds how many contents are copied at once. More than there are cores,
// because some may wait for what they copy.
const maxCopies = 8

func writeTar(ctx context.Context, f *os.File, entries []Entry, begin func(place func(entry int) *disk.Writer)) error {
	all, places, size, err := layout(entries)
	if err != nil {
		return err
	}
	// A disk that is too small shows now and not after the copying.
	reserved, err := disk.Reserve(f, size)
	if err != nil {
		return err
	}
	to := disk.NewFile(f)
	defer to.Close()
	copies := maxCopies
	if reserved {
		begin(func(entry int) *disk.Writer { return to.Writer(places[entry]) })
		// One that begins last would run alone at the end.
		slices.SortStableFunc(all, func(a, b stretch) int { return cmp.Compare(b.size, a.size) })
	} else {
		begin(nil)
		copies = 1
	}
	if err := copyAll(ctx, to, all, copies); err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, endMarker), size-endMarker)
	return err
}

// copyAll writes the stretches, so many at once.
func copyAll(ctx context.Context, to *disk.File, all []stretch, copies int) error {
	group, during := errgroup.WithContext(ctx)
	group.SetLimit(copies)
	for _, s := range all {
		group.Go(func() error {
			if during.Err() != nil {
				return during.Err()
			}
			w := to.Writer(s.begin)
			if err := s.writeTo(during, w); err != nil {
				return err
			}
			return w.Flush()
		})
	}
	return group.Wait()
}
