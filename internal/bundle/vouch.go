package bundle

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/render"
)

// describe adds what is said about all other files to them, at its place among the
// texts, which stand first.
func (in *Input) describe(items []item) ([]item, error) {
	if in.Describe == nil {
		return items, nil
	}
	files := make([]File, len(items))
	for i, it := range items {
		files[i] = it.File
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	file, err := in.Describe(sumLines(files))
	if err != nil {
		return nil, err
	}
	added, err := treeItems(render.Tree{file})
	if err != nil {
		return nil, err
	}
	at, _ := slices.BinarySearchFunc(items[:len(in.Tree)], file.Path, func(it item, path string) int { return cmp.Compare(it.Path, path) })
	return slices.Insert(items, at, added...), nil
}

// vouch is the signature of the list, if there is to be one.
func (in *Input) vouch(list item) ([]item, error) {
	if in.Sign == nil {
		return nil, nil
	}
	text, err := in.Sign(list.data)
	if err != nil {
		return nil, err
	}
	return []item{atHand(signatureName, Plain, text)}, nil
}

// Sums is the content of a bundle's SHA256SUMS, which is what a signature is of. It is
// an error if that does not list bundle.json as it is, and all that bundle.json lists:
// then a signature of it would vouch for something else. Of a delta it is the list of
// the bundle that the delta leads to.
func Sums(ctx context.Context, path string) ([]byte, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	want := s.sums()
	var got []byte
	err = archive.Read(ctx, path, func(e archive.Entry) error {
		if e.Path != sumsName {
			return nil
		}
		if got, err = readBounded(e, len(want)); err != nil {
			return err
		}
		return fs.SkipAll
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s of %q: %w", sumsName, path, whichPart(ctx, path, err))
	case got == nil:
		return nil, fmt.Errorf("reading %s of %q: it is missing; verify the bundle", sumsName, path)
	case !bytes.Equal(got, want):
		return nil, fmt.Errorf("reading %s of %q: it %s; verify the bundle", sumsName, path, compareSums(got, want)[0].What)
	}
	return want, nil
}

// sums is what SHA256SUMS has to have.
func (s *source) sums() []byte { return sums(s.whole.Files, s.wholeRaw) }
