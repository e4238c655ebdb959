package rpm

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// moment is what the clock says in tests.
var moment = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const base = "http://mirror.test/el9"

// mirror is a repository in memory, by URL.
type mirror struct {
	files   map[string][]byte
	fetched []string
}

func newMirror() *mirror { return &mirror{files: map[string][]byte{}} }

func (m *mirror) fetch(_ context.Context, url string) (io.ReadCloser, error) {
	m.fetched = append(m.fetched, url)
	content, ok := m.files[url]
	if !ok {
		return nil, fmt.Errorf("GET %s: 404: %w", url, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// repodata are the files of a repository by what they are.
type repodata struct {
	kinds []string
	names map[string]string
	files map[string][]byte
	open  map[string][]byte
}

// repodataOf has a primary.xml and a filelists.xml in one compression.
func repodataOf(t testing.TB, suffix string, specs ...[]string) *repodata {
	t.Helper()
	r := &repodata{names: map[string]string{}, files: map[string][]byte{}, open: map[string][]byte{}}
	r.put(t, "primary", "primary.xml", suffix, primaryOf(specs...))
	r.put(t, "filelists", "filelists.xml", suffix, fileListsOf(specs...))
	return r
}

func (r *repodata) put(t testing.TB, kind, name, suffix string, content []byte) {
	t.Helper()
	r.kinds = append(r.kinds, kind)
	r.names[kind], r.open[kind] = "repodata/"+name+suffix, content
	r.files[kind] = compressed(t, suffix, content)
}

// repomd lists the files.
func (r *repodata) repomd() []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n<revision>1772355600</revision>\n")
	for _, k := range r.kinds {
		fmt.Fprintf(&b, "<data type=%q><checksum type=\"sha256\">%x</checksum><open-checksum type=\"sha256\">%x</open-checksum><location href=%q/><size>%d</size></data>\n",
			k, sha256.Sum256(r.files[k]), sha256.Sum256(r.open[k]), r.names[k], len(r.files[k]))
	}
	// What is not read may be as old as it likes.
	b.WriteString("<data type=\"primary_db\"><checksum type=\"sha\">00</checksum><location href=\"repodata/primary.sqlite.bz2\"/></data>\n</repomd>\n")
	return []byte(b.String())
}

func (m *mirror) put(t testing.TB, r *repodata, signers ...*openpgp.Entity) {
	t.Helper()
	for _, k := range r.kinds {
		m.files[base+"/"+r.names[k]] = r.files[k]
	}
	m.files[base+"/repodata/repomd.xml"] = r.repomd()
	for _, s := range signers {
		var b bytes.Buffer
		if err := openpgp.ArmoredDetachSign(&b, s, bytes.NewReader(r.repomd()), clock(moment.Add(-time.Hour))); err != nil {
			t.Fatal(err)
		}
		m.files[base+"/repodata/repomd.xml.asc"] = b.Bytes()
	}
}

func clock(t time.Time) *packet.Config { return &packet.Config{Time: func() time.Time { return t }} }

// newKey makes a key a day before the moment, that expires after a time if that is not zero.
func newKey(t testing.TB, lifetime time.Duration) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("repository", "", "repository@mirror.test", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return moment.Add(-24 * time.Hour) }, KeyLifetimeSecs: uint32(lifetime.Seconds()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func public(t testing.TB, entities ...*openpgp.Entity) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, e := range entities {
		w, err := armor.Encode(&all, openpgp.PublicKeyType, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Serialize(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		all.WriteString("\n")
	}
	return all.Bytes()
}

func compressed(t testing.TB, suffix string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch suffix {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".xz":
		w, err = xz.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	default:
		return content
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pkg is a package: its name, version and architecture, such as "a-1:2.0-1.noarch", then
// lines such as "Requires: b >= 2", "File: /usr/bin/a" or "Listed: /usr/share/a", which is
// a file that only filelists.xml has.
func pkg(nevra string, lines ...string) []string { return append([]string{nevra}, lines...) }

func splitNEVRA(nevra string) (name, evr, arch string) {
	dot := strings.LastIndexByte(nevra, '.')
	release := strings.LastIndexByte(nevra[:dot], '-')
	version := strings.LastIndexByte(nevra[:release], '-')
	return nevra[:version], nevra[version+1 : dot], nevra[dot+1:]
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func idOf(nevra string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(nevra))) }

func primaryOf(specs ...[]string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"%d\">\n", len(specs))
	for _, spec := range specs {
		name, evr, arch := splitNEVRA(spec[0])
		epoch, version, release := splitEVR(evr)
		fmt.Fprintf(&b, "<package type=\"rpm\"><name>%s</name><arch>%s</arch><version epoch=%q ver=%q rel=%q/>", name, arch, epoch, version, release)
		fmt.Fprintf(&b, "<checksum type=\"sha256\" pkgid=\"YES\">%s</checksum><summary>s</summary><description>a &lt;b&gt;</description><size package=\"1000\" installed=\"1\" archive=\"1\"/>", idOf(spec[0]))
		fmt.Fprintf(&b, "<location href=\"packages/%s-%s-%s.%s.rpm\"/><format><rpm:sourcerpm>%s.src.rpm</rpm:sourcerpm>", name, version, release, arch, name)
		for _, field := range []string{"Provides", "Requires", "Conflicts", "Obsoletes"} {
			var entries []string
			if field == "Provides" {
				entries = append(entries, fmt.Sprintf("<rpm:entry name=%q flags=\"EQ\" epoch=%q ver=%q rel=%q/>", name, epoch, version, release))
			}
			for _, line := range spec[1:] {
				if text, ok := strings.CutPrefix(line, field+": "); ok {
					entries = append(entries, entryOf(text))
				}
			}
			if len(entries) > 0 {
				fmt.Fprintf(&b, "<rpm:%s>%s</rpm:%s>", strings.ToLower(field), strings.Join(entries, ""), strings.ToLower(field))
			}
		}
		for _, line := range spec[1:] {
			if text, ok := strings.CutPrefix(line, "File: "); ok {
				fmt.Fprintf(&b, "<file>%s</file>", escaped(text))
			}
		}
		b.WriteString("</format></package>\n")
	}
	b.WriteString("</metadata>\n")
	return []byte(b.String())
}

func entryOf(text string) string {
	f := strings.Fields(text)
	if strings.HasPrefix(text, "(") || len(f) == 1 {
		return fmt.Sprintf("<rpm:entry name=\"%s\"/>", escaped(text))
	}
	word := map[string]string{"<": "LT", "<=": "LE", "=": "EQ", ">=": "GE", ">": "GT"}[f[1]]
	epoch, version, release := splitEVR(f[2])
	if release != "" {
		release = fmt.Sprintf(" rel=%q", release)
	}
	return fmt.Sprintf("<rpm:entry name=\"%s\" flags=%q epoch=%q ver=%q%s/>", escaped(f[0]), word, epoch, version, release)
}

func fileListsOf(specs ...[]string) []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<filelists xmlns=\"http://linux.duke.edu/metadata/filelists\">\n")
	for _, spec := range specs {
		name, _, arch := splitNEVRA(spec[0])
		fmt.Fprintf(&b, "<package pkgid=%q name=%q arch=%q><version epoch=\"0\" ver=\"1\" rel=\"1\"/>\n", idOf(spec[0]), name, arch)
		for _, line := range spec[1:] {
			for _, field := range []string{"File: ", "Listed: "} {
				if text, ok := strings.CutPrefix(line, field); ok {
					fmt.Fprintf(&b, "<file>%s</file>\n", escaped(text))
				}
			}
		}
		b.WriteString("</package>\n")
	}
	b.WriteString("</filelists>\n")
	return []byte(b.String())
}

// indexOf is an index whose file lists are there to be asked for.
func indexOf(t testing.TB, specs ...[]string) *Index {
	t.Helper()
	x := newIndex(base, "x86_64")
	if err := x.add(bytes.NewReader(primaryOf(specs...))); err != nil {
		t.Fatal(err)
	}
	x.lists.read = func(wanted map[string]bool) (map[string][]int32, error) {
		return x.readFileLists(bytes.NewReader(fileListsOf(specs...)), wanted)
	}
	return x
}

// installedOf is a host, by lines of names, versions and architectures and of more.
func installedOf(t testing.TB, specs ...[]string) *Installed {
	t.Helper()
	if len(specs) == 0 {
		return &Installed{}
	}
	i, err := ReadInstalled(strings.NewReader(linesOf(specs...)))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func linesOf(specs ...[]string) string {
	var b strings.Builder
	for _, spec := range specs {
		name, evr, arch := splitNEVRA(spec[0])
		fmt.Fprintf(&b, "%s %s %s\n", name, evr, arch)
		for _, line := range spec[1:] {
			kind, text, _ := strings.Cut(line, ": ")
			fmt.Fprintf(&b, "%s %s\n", cmp.Or(map[string]string{"Listed": "file"}[kind], strings.ToLower(kind)), text)
		}
	}
	return b.String()
}

// names are packages as the tests write them.
func names(list []*Package) string {
	var words []string
	for _, p := range list {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// resolves tells whether a request comes to these packages.
func resolves(t *testing.T, x *Index, installed *Installed, want string, req Request) {
	t.Helper()
	list, err := Resolve([]*Index{x}, installed, req)
	if err != nil {
		t.Errorf("%v: %v", req.Names, err)
		return
	}
	if got := names(list); got != want {
		t.Errorf("%v: %s\nand not %s", req.Names, got, want)
	}
}

func ask(names ...string) Request { return Request{Names: names} }

// mustFail tells whether an error has all the words.
func mustFail(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error lacks %q:\n%v", w, err)
		}
	}
}

func open(m *mirror, repo Repository, arch string, now time.Time) (*Index, error) {
	return Open(context.Background(), repo, arch, m.fetch, now)
}

// lookup is all versions of a package, newest first.
func lookup(t *testing.T, x *Index, name string) []*Package {
	t.Helper()
	p, err := newPool([]*Index{x}, nil)
	if err != nil || len(p.versions(name)) == 0 {
		t.Fatalf("there is no %s: %v", name, err)
	}
	return p.versions(name)
}
