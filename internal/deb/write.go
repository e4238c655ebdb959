package deb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/repository"
)

// PackageFile is a .deb of a private repository.
type PackageFile struct {
	// Path is relative to the repository, such as pool/keepalived_2.2.7-1_amd64.deb.
	Path string
	// SHA256 and Size (in bytes) are of the whole file. The caller has checked them; only
	// the beginning of the file is read here.
	SHA256 string
	Size   int64
	Open   func() (io.ReadCloser, error)
}

// IndexFile is one that WriteRepository made, with its path in the repository.
type IndexFile struct {
	Path string
	Data []byte
}

// releaseDate is that of every Release that is written. apt refuses one from the future,
// so it is older than what the clock of any host says, and takes none that is older than
// the one it has, so it is always the same.
const releaseDate = "Sat, 01 Jan 2000 00:00:00 UTC"

// WriteRepository makes the indexes of a private repository, from what the .deb files say
// themselves: Packages and Release, the same bytes for the same files in any order.
//
// It is a flat repository, for one or more architectures, which a host reads from its
// directory or over HTTP:
//
//	deb [trusted=yes] file:/srv/bundle/packages/bookworm /
//
// There is no signature: what vouches for the bundle vouches for Release. Under
// trusted=yes apt still checks Packages by the SHA-256 in Release, and each .deb by the
// one in Packages (seen with apt 2.0, 2.2, 2.6, 2.7 and 3.0). The distribution's signature
// is over its own index, which was checked when the packages were locked; a .deb has none
// that apt would look at, so the distribution's keys prove nothing on a host.
func WriteRepository(files []PackageFile, codename string) ([]IndexFile, error) {
	if !isName(codename) {
		return nil, fmt.Errorf("writing a repository: %q is no codename, such as bookworm", codename)
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b PackageFile) int { return cmp.Compare(a.Path, b.Path) })
	seen := map[string]string{}
	var entries []described
	var problems []error
	for _, f := range files {
		e, err := f.describe()
		key := fmt.Sprintf("%s %s for %s", e.name, e.version, e.arch)
		if other, twice := seen[key]; err == nil && twice {
			err = fmt.Errorf("it is %s, as %s is", key, other)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%.200q: %w", f.Path, err))
			continue
		}
		seen[key] = f.Path
		entries = append(entries, e)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("writing a repository: %w", err)
	}
	slices.SortFunc(entries, func(a, b described) int {
		return cmp.Or(cmp.Compare(a.name, b.name), Compare(a.version, b.version), cmp.Compare(a.version, b.version), cmp.Compare(a.arch, b.arch))
	})
	packages := joinStanzas(entries)
	return []IndexFile{
		{"Packages", packages},
		{"Release", writeRelease(codename, entries, packages)},
	}, nil
}

// described is a package with its stanza for an index.
type described struct {
	name, version, arch string
	stanza              []byte
}

// describe makes the stanza of a file.
func (f PackageFile) describe() (d described, err error) {
	clean, err := repository.CleanFile(f.Path)
	switch {
	case err != nil:
		return d, err
	case clean != f.Path || !strings.HasSuffix(clean, ".deb") || strings.ContainsAny(clean, " \t"):
		return d, errors.New("this is no plain path of a .deb in the repository, such as pool/name_version_arch.deb")
	case !isSHA256(f.SHA256):
		return d, fmt.Errorf("%.70q is no SHA-256", f.SHA256)
	case f.Size <= 0:
		return d, fmt.Errorf("%d is no size of a .deb in bytes", f.Size)
	}
	r, err := f.Open()
	if err != nil {
		return d, err
	}
	defer r.Close() // it is only read
	control, err := readControl(r)
	if err != nil {
		return d, err
	}
	s := newStanzas(bytes.NewReader(control))
	stanza, err := s.next()
	if err != nil {
		return d, fmt.Errorf("reading its control file: %w", repository.CutShort(err))
	}
	if d.stanza, err = f.stanza(stanza); err != nil {
		return d, fmt.Errorf("reading its control file: %w", err)
	}
	_, id, err := trim(nil, d.stanza)
	if err == nil {
		err = id.check()
	}
	if err == nil {
		err = checkVersion(string(id.version))
	}
	if err != nil {
		return d, fmt.Errorf("reading its control file: %w", err)
	}
	d.name, d.version, d.arch = string(id.name), string(id.version), string(id.arch)
	return d, nil
}

// stanza is that of an index: a control file's, with the file in place of what it says
// of a file itself.
func (f PackageFile) stanza(control []byte) ([]byte, error) {
	var b bytes.Buffer
	own := []string{"filename", "size", "md5sum", "sha1", "sha256", "sha512", "status"}
	for rest := control; len(rest) > 0; {
		name, _, raw, after, err := cutField(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		if !slices.Contains(own, strings.ToLower(string(name))) {
			b.Write(bytes.TrimRight(raw, "\r\n"))
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "Filename: %s\nSize: %d\nSHA256: %s\n", f.Path, f.Size, f.SHA256)
	return b.Bytes(), nil
}

func joinStanzas(entries []described) []byte {
	var b bytes.Buffer
	for i, e := range entries {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.Write(e.stanza)
	}
	return b.Bytes()
}

func writeRelease(codename string, entries []described, packages []byte) []byte {
	var arches []string
	for _, e := range entries {
		arches = append(arches, e.arch)
	}
	slices.Sort(arches)
	var b bytes.Buffer
	fmt.Fprintf(&b, "Origin: satchel\nLabel: satchel\nSuite: %s\nCodename: %s\nDate: %s\n", codename, codename, releaseDate)
	if len(arches) > 0 {
		fmt.Fprintf(&b, "Architectures: %s\n", strings.Join(slices.Compact(arches), " "))
	}
	fmt.Fprintf(&b, "Description: packages of a bundle\nSHA256:\n %s %d Packages\n", sha256Hex(packages), len(packages))
	return b.Bytes()
}
