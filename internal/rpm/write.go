package rpm

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/repository"
)

// PackageFile is a .rpm of a private repository.
type PackageFile struct {
	// Path is relative to the repository, such as packages/keepalived-2.2.8-3.el9.x86_64.rpm.
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

// revision is that of every repository that is written: 1 January 2000, in seconds. dnf
// tells states of a repository apart by checksum, so it can always be the same.
const revision = 946684800

// WriteRepository makes the indexes of a private repository, from what the .rpm files say
// themselves: repodata/repomd.xml and what that lists, the same bytes for the same files
// in any order. The packages may be of any architectures. A host uses it beside nothing
// else, with the signatures of packages checked by keys in the bundle, as with
//
//	dnf --disablerepo='*' --repofrompath=bundle,file:///srv/bundle/packages/el9 --setopt=bundle.gpgcheck=1 --setopt=bundle.gpgkey=file:///…
//
// There is no signature of the indexes: what vouches for the bundle vouches for
// repomd.xml. What dnf checks are the indexes by the SHA-256 in repomd.xml, each .rpm by
// the one in primary.xml, and with gpgcheck its own signature. It looks at nobody's
// signature of the indexes that the packages were chosen by: those are not in a bundle,
// as a lock has to be enough to make the bundle again when the repository has moved on.
// Changelogs are left out.
func WriteRepository(files []PackageFile) ([]IndexFile, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b PackageFile) int { return cmp.Compare(a.Path, b.Path) })
	seen := map[string]string{}
	var list []*described
	var problems []error
	for _, f := range files {
		d, err := f.describe()
		if err == nil {
			if other, twice := seen[d.String()]; twice {
				err = fmt.Errorf("it is %s, as %s is", d, other)
			} else {
				seen[d.String()] = f.Path
			}
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%.200q: %w", f.Path, err))
			continue
		}
		list = append(list, d)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("writing a repository: %w", err)
	}
	slices.SortFunc(list, func(a, b *described) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), Compare(a.EVR(), b.EVR()), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Filename, b.Filename))
	})
	indexes := []IndexFile{
		{"repodata/primary.xml", writePrimary(list)},
		{"repodata/filelists.xml", writeFileLists(list)},
		{"repodata/other.xml", writeOther(list)},
	}
	return append([]IndexFile{{"repodata/repomd.xml", writeRepomd(indexes)}}, indexes...), nil
}

// describe reads a file's own header.
func (f PackageFile) describe() (*described, error) {
	clean, err := repository.CleanFile(f.Path)
	switch {
	case err != nil:
		return nil, err
	case clean != f.Path || !strings.HasSuffix(clean, ".rpm") || strings.ContainsAny(clean, " \t%"):
		return nil, errors.New("this is no plain path of a .rpm in the repository, such as packages/name-version-release.arch.rpm")
	case !isHex(f.SHA256, 32):
		return nil, fmt.Errorf("%.70q is no SHA-256", f.SHA256)
	case f.Size <= 0:
		return nil, fmt.Errorf("%d is no size of a .rpm in bytes", f.Size)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close() // it is only read
	head, err := readFile(r)
	if err != nil {
		return nil, err
	}
	d, err := head.describe()
	if err != nil {
		return nil, err
	}
	d.Filename, d.SHA256, d.Size = f.Path, f.SHA256, f.Size
	return d, nil
}

// page is XML that is being written.
type page struct{ bytes.Buffer }

func newPage(root, attributes string, args ...any) *page {
	p := &page{}
	fmt.Fprintf(p, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s "+attributes+">\n", append([]any{root}, args...)...)
	return p
}

// esc makes a text what it is in XML. Characters that XML cannot have become U+FFFD.
func esc(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder has no errors
	return b.String()
}

func (p *page) addf(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = esc(s)
		}
	}
	fmt.Fprintf(p, format, args...)
}

func writePrimary(list []*described) []byte {
	p := newPage("metadata", `xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d"`, len(list))
	for _, d := range list {
		p.primary(d)
	}
	p.WriteString("</metadata>\n")
	return p.Bytes()
}

func (p *page) primary(d *described) {
	p.addf("<package type=\"rpm\">\n  <name>%s</name>\n  <arch>%s</arch>\n  <version epoch=\"%s\" ver=\"%s\" rel=\"%s\"/>\n", d.Name, d.Architecture, d.Epoch, d.Version, d.Release)
	p.addf("  <checksum type=\"sha256\" pkgid=\"YES\">%s</checksum>\n  <summary>%s</summary>\n  <description>%s</description>\n", d.SHA256, d.summary, d.description)
	p.addf("  <packager>%s</packager>\n  <url>%s</url>\n  <time file=\"%d\" build=\"%d\"/>\n", d.packager, d.url, d.built, d.built)
	p.addf("  <size package=\"%d\" installed=\"%d\" archive=\"%d\"/>\n  <location href=\"%s\"/>\n  <format>\n", d.Size, d.installed, d.archive, d.Filename)
	p.addf("    <rpm:license>%s</rpm:license>\n    <rpm:vendor>%s</rpm:vendor>\n    <rpm:group>%s</rpm:group>\n", d.license, d.vendor, d.group)
	p.addf("    <rpm:buildhost>%s</rpm:buildhost>\n    <rpm:sourcerpm>%s</rpm:sourcerpm>\n    <rpm:header-range start=\"%d\" end=\"%d\"/>\n", d.buildHost, d.srcRPM, d.start, d.end)
	for _, f := range fields {
		p.relations(f.name, d.relations[f.name])
	}
	for _, f := range d.files {
		if inPrimary(f.path) {
			p.file("    ", f)
		}
	}
	p.WriteString("  </format>\n</package>\n")
}

func (p *page) relations(name string, list []entry) {
	if len(list) == 0 {
		return
	}
	p.addf("    <rpm:%s>\n", name)
	for _, e := range list {
		p.addf("      <rpm:entry name=\"%s\"", e.name)
		if e.flags != "" {
			p.addf(" flags=\"%s\" epoch=\"%s\" ver=\"%s\"", e.flags, e.epoch, e.version)
		}
		if e.release != "" {
			p.addf(" rel=\"%s\"", e.release)
		}
		if e.pre {
			p.WriteString(" pre=\"1\"")
		}
		p.WriteString("/>\n")
	}
	p.addf("    </rpm:%s>\n", name)
}

func (p *page) file(indent string, f listed) {
	p.WriteString(indent + "<file")
	if f.kind != "" {
		p.addf(" type=\"%s\"", f.kind)
	}
	p.addf(">%s</file>\n", f.path)
}

// begin writes how filelists.xml and other.xml name a package.
func (p *page) begin(d *described) {
	p.addf("<package pkgid=\"%s\" name=\"%s\" arch=\"%s\">\n  <version epoch=\"%s\" ver=\"%s\" rel=\"%s\"/>\n", d.SHA256, d.Name, d.Architecture, d.Epoch, d.Version, d.Release)
}

func writeFileLists(list []*described) []byte {
	p := newPage("filelists", `xmlns="http://linux.duke.edu/metadata/filelists" packages="%d"`, len(list))
	for _, d := range list {
		p.begin(d)
		for _, f := range d.files {
			p.file("  ", f)
		}
		p.WriteString("</package>\n")
	}
	p.WriteString("</filelists>\n")
	return p.Bytes()
}

func writeOther(list []*described) []byte {
	p := newPage("otherdata", `xmlns="http://linux.duke.edu/metadata/other" packages="%d"`, len(list))
	for _, d := range list {
		p.begin(d)
		p.WriteString("</package>\n")
	}
	p.WriteString("</otherdata>\n")
	return p.Bytes()
}

func writeRepomd(indexes []IndexFile) []byte {
	p := newPage("repomd", `xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm"`)
	p.addf("  <revision>%d</revision>\n", revision)
	for _, x := range indexes {
		kind := strings.TrimSuffix(strings.TrimPrefix(x.Path, "repodata/"), ".xml")
		sum, size := sha256Hex(x.Data), len(x.Data)
		p.addf("  <data type=\"%s\">\n    <checksum type=\"sha256\">%s</checksum>\n    <open-checksum type=\"sha256\">%s</open-checksum>\n", kind, sum, sum)
		p.addf("    <location href=\"%s\"/>\n    <timestamp>%d</timestamp>\n    <size>%d</size>\n    <open-size>%d</open-size>\n  </data>\n", x.Path, revision, size, size)
	}
	p.WriteString("</repomd>\n")
	return p.Bytes()
}
