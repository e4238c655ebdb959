package rpm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
)

func TestEveryCompressionOfAnIndexIsRead(t *testing.T) {
	key := newKey(t, 0)
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		m := newMirror()
		m.put(t, repodataOf(t, suffix, pkg("socat-1:1.7-2.el9.x86_64", "Requires: libc.so.6(GLIBC_2.34)(64bit)", "Requires: /usr/share/a", "File: /usr/bin/socat"),
			pkg("socat-1:1.7-2.el9.i686"), pkg("a-1-1.noarch", "Listed: /usr/share/a"), pkg("libc-1-1.x86_64", "Provides: libc.so.6(GLIBC_2.34)(64bit)")), key)
		x, err := open(m, Repository{URL: base + "/", Keys: public(t, key), SignedMetadata: true}, "x86_64", moment)
		if err != nil {
			t.Fatalf("%q: %v", suffix, err)
		}
		p := lookup(t, x, "socat")[0]
		if len(lookup(t, x, "socat")) != 1 || p.URL != base+"/packages/socat-1.7-2.el9.x86_64.rpm" || p.Size != 1000 || p.SHA256 != idOf("socat-1:1.7-2.el9.x86_64") ||
			p.EVR() != "1:1.7-2.el9" || p.Source != "socat.src.rpm" || p.Files[0] != "/usr/bin/socat" {
			t.Errorf("%q: %+v", suffix, p)
		}
		if r := x.Release; r.Revision != "1772355600" || len(r.SHA256) != 64 || len(r.SignedBy) != 1 {
			t.Errorf("%q: %+v", suffix, r)
		}
		if got := strings.Join(m.fetched, " "); strings.Contains(got, "filelists") {
			t.Errorf("%q: the file lists are fetched before something needs them: %s", suffix, got)
		}
		resolves(t, x, nil, "a-1-1.noarch libc-1-1.x86_64 socat-1:1.7-2.el9.x86_64", ask("socat"))
		if got := strings.Join(m.fetched, " "); !strings.Contains(got, "filelists") {
			t.Errorf("%q: %s", suffix, got)
		}
	}
}

func TestLongChecksumsAreTakenAsWell(t *testing.T) {
	content := strings.Replace(string(primaryOf(pkg("a-1-1.noarch"))), `type="sha256" pkgid="YES">`+idOf("a-1-1.noarch"), `type="sha512" pkgid="YES">`+strings.Repeat("ab", 64), 1)
	x := newIndex(base, "x86_64")
	if err := x.add(strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if p := lookup(t, x, "a")[0]; p.SHA512 != strings.Repeat("ab", 64) || p.SHA256 != "" {
		t.Errorf("%+v", p)
	}
	content = strings.Replace(content, "sha512", "sha", 1)
	mustFail(t, newIndex(base, "x86_64").add(strings.NewReader(content)), "line 3", "package a", "<checksum", "older checksums are not trusted")
}

// spoil changes what is in a mirror.
type spoil func(m *mirror, r *repodata)

func edit(url, from, to string) spoil {
	return func(m *mirror, _ *repodata) {
		if !bytes.Contains(m.files[base+"/"+url], []byte(from)) {
			panic("there is no " + from + " in " + url)
		}
		m.files[base+"/"+url] = bytes.Replace(m.files[base+"/"+url], []byte(from), []byte(to), 1)
	}
}

func TestWhatIsWrongWithARepositoryIsSaid(t *testing.T) {
	key, other, short := newKey(t, 0), newKey(t, 0), newKey(t, 36*time.Hour)
	const md = "repodata/repomd.xml"
	primary := func(change func([]byte) []byte) spoil { // listed as it is
		return func(m *mirror, r *repodata) {
			r.open["primary"] = change(r.open["primary"])
			r.files["primary"] = compressed(t, ".gz", r.open["primary"])
			m.put(t, r, key)
		}
	}
	replaced := func(from, to string) spoil {
		return primary(func(b []byte) []byte {
			if !bytes.Contains(b, []byte(from)) {
				t.Fatalf("there is no %s", from)
			}
			return bytes.Replace(b, []byte(from), []byte(to), 1)
		})
	}
	for _, c := range []struct {
		name  string
		spoil spoil
		repo  func(*Repository)
		arch  string
		now   time.Time
		want  []string
	}{
		{name: "no repository", spoil: func(m *mirror, _ *repodata) { delete(m.files, base+"/"+md) }, want: []string{md, "URL is wrong"}},
		{name: "no signature", spoil: func(m *mirror, _ *repodata) { delete(m.files, base+"/"+md+".asc") }, want: []string{md, "not signed", "repomd.xml.asc"}},
		{name: "changed", spoil: edit(md, "1772355600", "1772355601"), want: []string{md, "was changed after signing"}},
		{name: "damaged signature", spoil: func(m *mirror, _ *repodata) { m.files[base+"/"+md+".asc"] = []byte("<html>") }, want: []string{md, "signature"}},
		{name: "another key", repo: func(r *Repository) { r.Keys = public(t, other) }, want: []string{md, "is not among those given"}},
		{name: "expired key", spoil: func(m *mirror, r *repodata) { m.put(t, r, short) }, repo: func(r *Repository) { r.Keys = public(t, short) }, now: moment.Add(48 * time.Hour), want: []string{md, "the key is expired"}},
		{name: "no keys", repo: func(r *Repository) { r.Keys = nil }, want: []string{"it has no keys"}},
		{name: "unsigned with keys", repo: func(r *Repository) { r.Unsigned = true }, want: []string{"said to be unsigned, and has keys"}},
		{name: "no key", repo: func(r *Repository) { r.Keys = []byte("x") }, want: []string{"reading the keys"}},
		{name: "no URL", repo: func(r *Repository) { r.URL = "" }, want: []string{"it has no URL"}},
		{name: "a variable", repo: func(r *Repository) { r.URL += "/$basearch" }, want: []string{"variable"}},
		{name: "no architecture", arch: "noarch", want: []string{`"noarch" is no architecture`}},
		{name: "no stream", repo: func(r *Repository) { r.Modules = []string{"perl"} }, want: []string{`"perl" is no stream of a module`}},
		{name: "wrong architecture", arch: "aarch64", spoil: primary(func([]byte) []byte { return primaryOf(pkg("a-1-1.x86_64"), pkg("a-1-1.i686")) }), want: []string{"primary.xml.gz", "<arch>", "aarch64", "i686, x86_64"}},
		{name: "primary gone", spoil: func(m *mirror, r *repodata) { delete(m.files, base+"/"+r.names["primary"]) }, want: []string{"primary.xml.gz", "gone from the repository"}},
		{name: "another primary", spoil: func(m *mirror, r *repodata) {
			m.files[base+"/"+r.names["primary"]] = compressed(t, ".gz", primaryOf())
		}, want: []string{"primary.xml.gz", "it has the sha256", `<data type="primary">`, md}},
		{name: "longer primary", spoil: func(m *mirror, r *repodata) {
			m.files[base+"/"+r.names["primary"]] = append(bytes.Clone(r.files["primary"]), "and more"...)
		}, want: []string{"primary.xml.gz", "it has more than", `<data type="primary"><size>`, md}},
		{name: "another when decompressed", spoil: func(m *mirror, r *repodata) { r.open["primary"] = primaryOf(); m.put(t, r, key) }, want: []string{"primary.xml.gz", "when decompressed", "<open-checksum>"}},
		{name: "SHA-1", spoil: func(m *mirror, r *repodata) {
			m.put(t, r)
			edit(md, `<data type="primary"><checksum type="sha256">`, `<data type="primary"><checksum type="sha">`)(m, r)
		}, repo: func(r *Repository) { r.SignedMetadata = false }, want: []string{md, `<data type="primary"><checksum>`, "older checksums"}},
		{name: "out of the repository", spoil: edit(md, `href="repodata/primary`, `href="../primary`), repo: func(r *Repository) { r.SignedMetadata = false }, want: []string{md, `<data type="primary"><location>`, "leads out"}},
		{name: "no primary", spoil: edit(md, `type="primary"`, `type="first"`), repo: func(r *Repository) { r.SignedMetadata = false }, want: []string{md, `it has no <data type="primary">`}},
		{name: "no XML", spoil: func(m *mirror, _ *repodata) { m.files[base+"/"+md] = []byte("404") }, repo: func(r *Repository) { r.SignedMetadata = false }, want: []string{md}},
		{name: "cut XML", spoil: func(m *mirror, _ *repodata) { m.files[base+"/"+md] = m.files[base+"/"+md][:200] }, repo: func(r *Repository) { r.SignedMetadata = false }, want: []string{md, "it is no repomd.xml"}},
		{name: "no version", spoil: replaced(`ver="1.7"`, `ver=""`), want: []string{"primary.xml.gz", "line 3", "package socat", "<version>"}},
		{name: "no epoch", spoil: replaced(`epoch="1"`, `epoch="x"`), want: []string{"package socat", "<version>", "epoch"}},
		{name: "no release", spoil: replaced(`rel="2.el9"/><checksum`, `/><checksum`), want: []string{"package socat", "<version>", "rel"}},
		{name: "no name", spoil: replaced("<name>socat", "<name>../socat"), want: []string{"<name>", "no name of a package"}},
		{name: "no file name", spoil: replaced(`href="packages`, `href="../packages`), want: []string{"package socat", "<location href>", "leads out"}},
		{name: "elsewhere", spoil: replaced(`<location href`, `<location xml:base="file:///" href`), want: []string{"package socat", "<location xml:base>"}},
		{name: "no size", spoil: replaced(`package="1000"`, `package="-1"`), want: []string{"package socat", "<size package>"}},
		{name: "no comparison", spoil: replaced(`flags="EQ"`, `flags="NE"`), want: []string{"package socat", "flags", `"NE"`}},
		{name: "half of it", spoil: primary(func(b []byte) []byte { return b[:len(b)/2] }), want: []string{"primary.xml.gz", "cut short"}},
		{name: "no elements", spoil: primary(func([]byte) []byte { return []byte("<html></html>") }), want: []string{"primary.xml.gz", "<html>"}},
		{name: "entities", spoil: primary(func(b []byte) []byte { return append([]byte("<!DOCTYPE x [<!ENTITY a 'b'>]>"), b...) }), want: []string{"primary.xml.gz", "DOCTYPE"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMirror()
			r := repodataOf(t, ".gz", pkg("socat-1:1.7-2.el9.x86_64"))
			m.put(t, r, key)
			repo := Repository{URL: base, Keys: public(t, key), SignedMetadata: true}
			if c.spoil != nil {
				c.spoil(m, r)
			}
			if c.repo != nil {
				c.repo(&repo)
			}
			arch, now := c.arch, c.now
			if arch == "" {
				arch = "x86_64"
			}
			if now.IsZero() {
				now = moment
			}
			_, err := open(m, repo, arch, now)
			mustFail(t, err, append(c.want, "opening the repository")...)
		})
	}
}

func TestAnUnsignedRepositoryIsTakenWhereThatIsSaid(t *testing.T) {
	m := newMirror()
	m.put(t, repodataOf(t, ".gz", pkg("a-1-1.noarch")))
	x, err := open(m, Repository{URL: base, Unsigned: true}, "x86_64", moment)
	if err != nil || x.Len() != 1 {
		t.Fatal(err)
	}
	m.files[base+"/repodata/primary.xml.gz"][20] ^= 1 // its checksums count all the same
	_, err = open(m, Repository{URL: base, Unsigned: true}, "x86_64", moment)
	mustFail(t, err, "primary.xml.gz", "it has the sha256", `<data type="primary">`)
}

func TestWhatIsCutShortIsSaidToBe(t *testing.T) {
	key := newKey(t, 0)
	for _, suffix := range []string{".gz", ".xz", ".zst"} {
		r := repodataOf(t, suffix, pkg("socat-1.7-2.x86_64"))
		whole := r.files["primary"]
		for _, cut := range []int{0, 5, len(whole) / 2, len(whole) - 1} {
			m := newMirror()
			r.files["primary"] = whole[:cut]
			m.put(t, r, key)
			_, err := open(m, Repository{URL: base, Keys: public(t, key)}, "x86_64", moment)
			mustFail(t, err, "primary.xml"+suffix, "cut short")
		}
	}
}

func TestAMissingPartOfTheFileListsIsSaid(t *testing.T) {
	key := newKey(t, 0)
	m := newMirror()
	r := repodataOf(t, ".xz", pkg("a-1-1.noarch", "Requires: /usr/share/b"), pkg("b-1-1.noarch", "Listed: /usr/share/b"))
	m.put(t, r, key)
	x, err := open(m, Repository{URL: base, Keys: public(t, key)}, "x86_64", moment)
	if err != nil {
		t.Fatal(err)
	}
	good := m.files[base+"/repodata/filelists.xml.xz"]
	m.files[base+"/repodata/filelists.xml.xz"] = good[:50]
	_, err = Resolve([]*Index{x}, nil, ask("a"))
	mustFail(t, err, "file lists of "+base, "filelists.xml.xz", `<data type="filelists">`)
	m.files[base+"/repodata/filelists.xml.xz"] = good
	resolves(t, x, nil, "a-1-1.noarch b-1-1.noarch", ask("a"))
}

func TestAnEndOfTheContextIsAnError(t *testing.T) {
	key := newKey(t, 0)
	m := newMirror()
	m.put(t, repodataOf(t, ".gz", pkg("a-1-1.noarch")), key)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Open(ctx, Repository{URL: base, Keys: public(t, key)}, "x86_64", func(ctx context.Context, url string) (io.ReadCloser, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return m.fetch(ctx, url)
	}, moment)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestOneGoodSignatureOfTwoIsEnough(t *testing.T) {
	key, other := newKey(t, 0), newKey(t, 0)
	m := newMirror()
	r := repodataOf(t, ".gz", pkg("a-1-1.noarch"))
	m.put(t, r)
	var both bytes.Buffer
	for _, k := range []*openpgp.Entity{other, key} {
		if err := openpgp.DetachSign(&both, k, bytes.NewReader(r.repomd()), clock(moment)); err != nil {
			t.Fatal(err)
		}
	}
	m.files[base+"/repodata/repomd.xml.asc"] = both.Bytes()
	x, err := open(m, Repository{URL: base, Keys: public(t, key), SignedMetadata: true}, "x86_64", moment)
	if err != nil || len(x.Release.SignedBy) != 1 {
		t.Error(err)
	}
}
