package bundle

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/satchel-kit/satchel/internal/archive"
	"github.com/satchel-kit/satchel/internal/sign"
)

// Former is the signature of what an output is before it is written.
type Former struct {
	// File is where the signature is: in the bundle, or beside it.
	File string
	// Key is what it was made with, or empty if it cannot be read.
	Key string
	// Kept says that it is of the same content, so that the bundle has it as well.
	Kept bool
}

// KeepSignature is for a bundle that is not signed now: where the output has a signature,
// and that is of the same content, the bundle gets it. It returns nil if there is nothing
// to tell.
func (d *Draft) KeepSignature(ctx context.Context, out Output) *Former {
	if d.in.Sign != nil {
		return nil // the new one takes its place
	}
	list := d.items[1].data
	if text := signatureIn(ctx, out.Path); text != nil {
		f := formerly(text, list, signatureName)
		if f.Kept {
			d.items = slices.Insert(d.items, 2, atHand(signatureName, Plain, text))
		}
		return f
	}
	// One beside the bundle stays there.
	text, err := ReadDetached(out.Path)
	if err != nil || text == nil {
		return nil
	}
	if f := formerly(text, list, filepath.Base(DetachedName(out.Path))); !f.Kept {
		return f
	}
	return nil
}

func formerly(text, list []byte, file string) *Former {
	signed, err := sign.Check(text, list)
	f := &Former{File: file, Kept: err == nil}
	if signed != nil {
		f.Key = signed.Key
	}
	return f
}

// signatureIn is the signature in an archive; it is nil if there is none, or no bundle.
func signatureIn(ctx context.Context, path string) []byte {
	var text []byte
	seen := 0
	err := archive.Read(ctx, path, func(e archive.Entry) (err error) {
		if seen == 0 && e.Path != manifestName {
			return fs.SkipAll
		}
		if seen++; e.Path == signatureName && e.Size <= limitOf(signatureName) {
			text, err = readSmall(e)
		}
		if err == nil && seen == len(metadata) {
			err = fs.SkipAll
		}
		return err
	})
	if err != nil {
		return nil
	}
	return text
}
