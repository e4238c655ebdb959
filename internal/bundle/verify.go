package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/satchel-kit/satchel/internal/archive"
)

// Report is what Verify found.
type Report struct {
	Manifest *Manifest `json:"-"`
	// Files and Bytes are what was read and is as it should be.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// LeftOut are the hosts whose folders an unpacked bundle lacks, as it does
	// after unpacking for one host.
	LeftOut  []string  `json:"leftOut"`
	Problems []Problem `json:"problems"`
}

// Problem is one thing that is wrong with a bundle. Path is empty if it concerns
// the whole.
type Problem struct {
	Path string `json:"path"`
	What string `json:"what"`
}

func (p Problem) String() string {
	if p.Path == "" {
		return p.What
	}
	return fmt.Sprintf("%s: %s", p.Path, p.What)
}

// Err is an error that has all problems, a line each, or nil if there are none.
func (r *Report) Err() error {
	var all []error
	for _, p := range r.Problems {
		all = append(all, errors.New(p.String()))
	}
	return errors.Join(all...)
}

// Verify checks every byte of a bundle, packed or unpacked, against its
// bundle.json. The error says that the check could not be made; what the check
// found is in the report.
func Verify(ctx context.Context, path string) (*Report, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	v := newVerifier(s)
	defer v.hasher.Close()
	if err := archive.Read(ctx, path, v.entry); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("verifying bundle %q: %w", path, ctx.Err())
		}
		v.problem("", "%v", err)
		v.broken = !errors.Is(err, archive.ErrTruncated)
	}
	v.checkMissing()
	v.checkImages()
	return v.report, nil
}

type verifier struct {
	source *source
	report *Report
	hasher *hasher
	buf    []byte
	files  map[string]File
	seen   map[string]bool
	// kept has the contents of the image layout's documents; a nil one is
	// wanted but was not seen whole.
	kept map[string][]byte
	// broken says that reading ended before all entries were seen.
	broken bool
}

func newVerifier(s *source) *verifier {
	v := &verifier{
		source: s,
		report: &Report{Manifest: s.manifest, LeftOut: []string{}, Problems: []Problem{}},
		hasher: newHasher(),
		buf:    make([]byte, hashBufferSize),
		files:  s.manifest.byPath(),
		seen:   map[string]bool{},
		kept:   map[string][]byte{layoutName: nil, indexName: nil, listName: nil},
	}
	for _, image := range s.manifest.Images {
		v.kept[blobPath(image.Digest)] = nil
		for _, p := range image.Platforms {
			v.kept[blobPath(p.Digest)] = nil
		}
	}
	return v
}

func (v *verifier) problem(path, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{path, fmt.Sprintf(format, args...)})
}

func (v *verifier) entry(e archive.Entry) error {
	v.seen[e.Path] = true
	switch e.Path {
	case manifestName, sumsName:
		return v.listing(e)
	case signatureName:
		return nil
	}
	want, found := v.files[e.Path]
	if !found {
		v.problem(e.Path, "is not in %s", manifestName)
		return nil
	}
	if e.Mode != want.Mode.Perm() {
		v.problem(e.Path, "has mode %#o, should have %s", uint32(e.Mode), want.Mode)
	}
	if e.Size != want.Size {
		v.problem(e.Path, "has %d bytes, should have %d", e.Size, want.Size)
		return nil
	}
	return v.content(e, want)
}

func (v *verifier) content(e archive.Entry, want File) error {
	rc, err := e.Open()
	if err != nil {
		v.problem(e.Path, "cannot be read: %v", err)
		return nil
	}
	defer rc.Close()
	var dst io.Writer = v.hasher
	var copied bytes.Buffer
	if _, wanted := v.kept[e.Path]; wanted && e.Size <= maxImageManifest {
		dst = io.MultiWriter(v.hasher, &copied)
	}
	n, err := io.CopyBuffer(dst, struct{ io.Reader }{rc}, v.buf)
	got := v.hasher.finish()
	switch {
	case err != nil:
		return fmt.Errorf("reading %q: %w", e.Path, err)
	case n != want.Size || got != want.SHA256:
		v.problem(e.Path, "has other content: sha256 %s, should be %s", got, want.SHA256)
		return nil
	}
	v.report.Files++
	v.report.Bytes += n
	if copied.Len() > 0 {
		v.kept[e.Path] = copied.Bytes()
	}
	return nil
}

// listing checks one of the two files that list the others. Both follow from
// the manifest that was read at the start.
func (v *verifier) listing(e archive.Entry) error {
	want := v.source.raw
	if e.Path == sumsName {
		want = sums(v.source.manifest.Files, v.source.raw)
	}
	if e.Mode != Plain.Perm() {
		v.problem(e.Path, "has mode %#o, should have %s", uint32(e.Mode), Plain)
	}
	got, err := readBounded(e, len(want))
	switch {
	case err != nil:
		return err
	case bytes.Equal(got, want):
		v.report.Files++
		v.report.Bytes += int64(len(got))
	case e.Path == sumsName:
		v.report.Problems = append(v.report.Problems, compareSums(got, want)...)
	default:
		v.problem(e.Path, "changed while it was read")
	}
	return nil
}

// readBounded reads what should have size bytes, and not much more if it lies.
func readBounded(e archive.Entry, size int) ([]byte, error) {
	rc, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(io.LimitReader(rc, 2*int64(size)+1))
}
