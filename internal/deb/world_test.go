package deb

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// moment is what the clock says in tests.
var moment = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const base = "http://mirror.test/debian"

// mirror is a repository in memory, by URL.
type mirror struct {
	files   map[string][]byte
	fetched []string
}

func (m *mirror) fetch(_ context.Context, url string) (io.ReadCloser, error) {
	m.fetched = append(m.fetched, url)
	content, ok := m.files[url]
	if !ok {
		return nil, fmt.Errorf("GET %s: 404: %w", url, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// suiteFiles is what a suite is made of, before it is signed.
type suiteFiles struct {
	dir    string // "dists/bookworm", or "" for a flat one at the root
	fields string // of Release, above the sums
	files  map[string][]byte
}

func (s suiteFiles) release() []byte {
	var b strings.Builder
	b.WriteString(s.fields)
	b.WriteString("MD5Sum:\n 00000000000000000000000000000000 1 main/binary-amd64/Packages\nSHA256:\n")
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		sum := sha256.Sum256(s.files[name])
		fmt.Fprintf(&b, " %s %d %s\n", hex.EncodeToString(sum[:]), len(s.files[name]), name)
	}
	return []byte(b.String())
}

func (m *mirror) put(s suiteFiles) {
	for name, content := range s.files {
		m.files[base+"/"+path.Join(s.dir, name)] = content
	}
}

func (m *mirror) sign(t *testing.T, s suiteFiles, signers ...*openpgp.Entity) {
	t.Helper()
	m.put(s)
	m.files[base+"/"+path.Join(s.dir, "InRelease")] = clear(t, s.release(), signers...)
}

func clear(t *testing.T, text []byte, signers ...*openpgp.Entity) []byte {
	t.Helper()
	var keys []*packet.PrivateKey
	for _, e := range signers {
		keys = append(keys, e.PrivateKey)
	}
	var b bytes.Buffer
	w, err := clearsign.EncodeMulti(&b, keys, &packet.Config{Time: func() time.Time { return moment.Add(-time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newKey makes a key a day before the moment, that expires after a time if that is not zero.
func newKey(t *testing.T, lifetime time.Duration) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("archive", "", "archive@mirror.test", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return moment.Add(-24 * time.Hour) }, KeyLifetimeSecs: uint32(lifetime.Seconds()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func public(t *testing.T, entities ...*openpgp.Entity) []byte {
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

const bookwormFields = "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sun, 01 Mar 2026 08:00:00 UTC\n" +
	"Valid-Until: Sun, 08 Mar 2026 08:00:00 UTC\nArchitectures: amd64 arm64\nComponents: main contrib\n"

// control is a stanza of an index; fields are lines such as "Depends: a (>= 1)".
func control(name, version string, fields ...string) string {
	arch := "amd64"
	fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool {
		value, found := strings.CutPrefix(f, "Architecture: ")
		if found {
			arch = value
		}
		return found
	})
	s := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\n", name, version, arch)
	for _, f := range fields {
		s += f + "\n"
	}
	sum := sha256.Sum256([]byte(name + version))
	return s + fmt.Sprintf("Filename: pool/%s_%s_%s.deb\nSize: 1000\nSHA256: %x\n\n", name, strings.ReplaceAll(version, ":", "%3a"), arch, sum)
}

func compressed(t *testing.T, suffix string, content []byte) []byte {
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

func indexOf(t testing.TB, stanzas ...string) *Index {
	t.Helper()
	return readIndex(t, strings.NewReader(strings.Join(stanzas, "")), base, "amd64")
}

func readIndex(t testing.TB, r io.Reader, repository, arch string) *Index {
	t.Helper()
	x := newIndex(repository, arch)
	if err := x.add(r); err != nil {
		t.Fatal(err)
	}
	return x
}

func names(list []*Package) string {
	var words []string
	for _, p := range list {
		words = append(words, p.Name+"="+p.Version)
	}
	return strings.Join(words, " ")
}

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

var bookworm = Repository{URL: base, Suites: []string{"bookworm"}, Components: []string{"main"}}

// suiteOf is a bookworm of one index, in one compression.
func suiteOf(t *testing.T, suffix string, stanzas ...string) suiteFiles {
	t.Helper()
	content := compressed(t, suffix, []byte(strings.Join(stanzas, "")))
	return suiteFiles{dir: "dists/bookworm", fields: bookwormFields,
		files: map[string][]byte{"main/binary-amd64/Packages" + suffix: content}}
}

func open(m *mirror, repo Repository, arch string, now time.Time) (*Index, error) {
	return Open(context.Background(), repo, arch, m.fetch, now)
}

func newMirror() *mirror { return &mirror{files: map[string][]byte{}} }

func lookup(t *testing.T, x *Index, name string) []*Package {
	t.Helper()
	p, err := newPool([]*Index{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.versions(name)
}

func orNow(t time.Time) time.Time { return cmp.Or(t, moment) }
