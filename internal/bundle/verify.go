package bundle

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/satchel-kit/satchel/internal/archive"
)

// Report is what Verify found.
type Report struct {
	// Bundle is the path of what was checked.
	Bundle   string    `json:"bundle"`
	Manifest *Manifest `json:"-"`
	// Files and Bytes are what was read and is as it should be.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Sums is what SHA256SUMS has to have, and Signature what is beside it, which is
	// not checked here; it is nil if there is none.
	Sums      []byte `json:"-"`
	Signature []byte `json:"-"`
	// Since is what a delta was made for, and Left what it leaves to that.
	Since *Since  `json:"since,omitempty"`
	Left  *Amount `json:"left,omitempty"`
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
// found is in the report. Of a delta it checks what is in it.
func Verify(ctx context.Context, path string) (*Report, error) {
	reports, err := VerifyChain(ctx, []string{path})
	if err != nil {
		return nil, err
	}
	return reports[0], nil
}

// VerifyChain verifies a bundle and deltas of it, each a delta of what is before it, and
// that they fit together. There is a report for each.
func VerifyChain(ctx context.Context, paths []string) ([]*Report, error) {
	c, err := openChain(ctx, paths)
	if err != nil {
		return nil, err
	}
	var reports []*Report
	kept := c.documents()
	for i, s := range c {
		v := newVerifier(s, kept)
		if err := v.run(ctx); err != nil {
			return nil, err
		}
		if i > 0 {
			if err := c.checkLink(i); err != nil {
				v.problem("", "%v", err)
			}
		}
		v.report.sort()
		reports = append(reports, v.report)
	}
	return reports, nil
}

// documents are the paths of the image layout's documents, whose contents have to be
// kept to look inside.
func (c chain) documents() map[string][]byte {
	kept := map[string][]byte{layoutName: nil, indexName: nil, listName: nil}
	for _, s := range c {
		for _, image := range s.manifest.Images {
			kept[blobPath(image.Digest)] = nil
			for _, a := range image.Attached {
				kept[blobPath(a.Digest)] = nil
			}
			for _, p := range image.Platforms {
				kept[blobPath(p.Digest)] = nil
			}
		}
	}
	return kept
}

// sort gives the problems an order that does not depend on which file was read first.
func (r *Report) sort() {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
}

type verifier struct {
	source *source
	files  map[string]File
	// Entries are checked several at a time; mu is for all that follows.
	mu     sync.Mutex
	report *Report
	seen   map[string]bool
	// kept has the contents of the image layout's documents; a nil one is
	// wanted but was not seen whole. A delta finds some from what is before it.
	kept map[string][]byte
	// broken says that reading ended before all entries were seen.
	broken bool
}

func newVerifier(s *source, kept map[string][]byte) *verifier {
	v := &verifier{
		source: s,
		files:  s.files,
		report: &Report{Bundle: s.path, Manifest: s.manifest, Sums: s.sums(), Since: s.manifest.Since, LeftOut: []string{}, Problems: []Problem{}},
		seen:   map[string]bool{},
		kept:   kept,
	}
	// What is not named by its content is this bundle's own.
	for _, name := range []string{layoutName, indexName, listName} {
		kept[name] = nil
	}
	if s.manifest.Since != nil {
		left := s.manifest.left()
		v.report.Left = &left
	}
	return v
}

func (v *verifier) run(ctx context.Context) error {
	if err := archive.ReadAny(ctx, v.source.path, v.entry); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("verifying bundle %q: %w", v.source.path, ctx.Err())
		}
		v.problem("", "%v", err)
		v.broken = !errors.Is(err, archive.ErrTruncated)
	}
	v.checkMissing()
	v.checkImages()
	if len(v.report.Problems) == 0 {
		return nil
	}
	// Whose fault it is, if the archive is in parts.
	if err := archive.CheckParts(ctx, v.source.path); err != nil {
		v.problem("", "%v", err)
	}
	return ctx.Err()
}

func (v *verifier) problem(path, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Problems = append(v.report.Problems, Problem{path, fmt.Sprintf(format, args...)})
}

func (v *verifier) entry(e archive.Entry) error {
	v.mu.Lock()
	v.seen[e.Path] = true
	v.mu.Unlock()
	switch e.Path {
	case manifestName, sumsName:
		return v.listing(e)
	case signatureName:
		return v.signature(e)
	}
	want, found := v.files[e.Path]
	if !found {
		v.problem(e.Path, "is not in %s", manifestName)
		return nil
	}
	if want.Base {
		v.problem(e.Path, "is in the delta, and %s leaves it to the base", manifestName)
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
	var copied *bytes.Buffer
	var keep io.Writer
	if v.keeps(e) {
		copied = &bytes.Buffer{}
		keep = copied
	}
	got, err := hashEntry(e, keep)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case err != nil:
		// Others may still be read; of a stream that cannot, the end will tell.
		v.problem(e.Path, "cannot be read: %v", err)
		return nil
	case got != want.SHA256:
		v.problem(e.Path, "has other content: sha256 %s, should be %s", got, want.SHA256)
		return nil
	}
	v.good(e.Size)
	if copied != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.kept[e.Path] = copied.Bytes()
	}
	return nil
}

func (v *verifier) keeps(e archive.Entry) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, wanted := v.kept[e.Path]
	return wanted && e.Size <= maxImageManifest
}

func (v *verifier) good(size int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Files++
	v.report.Bytes += size
}

// listing checks one of the two files that list the others. Both follow from
// the manifest that was read at the start.
func (v *verifier) listing(e archive.Entry) error {
	want := v.source.raw
	if e.Path == sumsName {
		want = sums(v.source.whole.Files, v.source.wholeRaw)
	}
	if e.Mode != Plain.Perm() {
		v.problem(e.Path, "has mode %#o, should have %s", uint32(e.Mode), Plain)
	}
	got, err := readBounded(e, len(want))
	switch {
	case err != nil:
		return err
	case bytes.Equal(got, want):
		v.good(int64(len(got)))
	case e.Path == sumsName:
		for _, p := range compareSums(got, want) {
			v.problem(p.Path, "%s", p.What)
		}
	default:
		v.problem(e.Path, "changed while it was read")
	}
	return nil
}

// signature keeps what vouches for the list, for those who know keys.
func (v *verifier) signature(e archive.Entry) error {
	if e.Mode != Plain.Perm() {
		v.problem(e.Path, "has mode %#o, should have %s", uint32(e.Mode), Plain)
	}
	if limit := limitOf(e.Path); e.Size > limit {
		v.problem(e.Path, "has %d bytes, more than %d", e.Size, limit)
		return nil
	}
	text, err := readBounded(e, int(e.Size))
	if err == nil {
		v.mu.Lock()
		v.report.Signature = text
		v.mu.Unlock()
	}
	return err
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
