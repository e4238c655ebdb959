package deb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

func TestEveryCompressionOfAnIndexIsRead(t *testing.T) {
	key := newKey(t, 0)
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		m := newMirror()
		m.sign(t, suiteOf(t, suffix, control("socat", "1:1.7-2", "Depends: libc6 (>= 2.36)")), key)
		repo := bookworm
		repo.Keys = public(t, key)
		x, err := open(m, repo, "amd64", moment)
		if err != nil {
			t.Fatalf("%q: %v", suffix, err)
		}
		p := lookup(t, x, "socat")[0]
		if p.URL != base+"/pool/socat_1%253a1.7-2_amd64.deb" || p.Size != 1000 || p.Depends[0].String() != "libc6 (>= 2.36)" {
			t.Errorf("%q: %+v", suffix, p)
		}
		r := x.Releases[0]
		if r.Codename != "bookworm" || len(r.SHA256) != 64 || len(r.SignedBy) != 1 || !r.ValidUntil.Equal(time.Date(2026, 3, 8, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("%q: %+v", suffix, r)
		}
	}
}

func TestAReleaseWithItsSignatureBesideItIsRead(t *testing.T) {
	key := newKey(t, 0)
	for _, armored := range []bool{true, false} {
		m := newMirror()
		s := suiteOf(t, ".gz", control("socat", "1.7-2"))
		m.put(s)
		m.files[base+"/dists/bookworm/Release"] = s.release()
		var signature bytes.Buffer
		sign := openpgp.DetachSign
		if armored {
			sign = openpgp.ArmoredDetachSign
		}
		if err := sign(&signature, key, bytes.NewReader(s.release()), &packet.Config{Time: func() time.Time { return moment }}); err != nil {
			t.Fatal(err)
		}
		m.files[base+"/dists/bookworm/Release.gpg"] = signature.Bytes()
		repo := bookworm
		repo.Keys = public(t, key)
		if x, err := open(m, repo, "amd64", moment); err != nil || x.Len() != 1 {
			t.Errorf("armored %t: %v", armored, err)
		}
		m.files[base+"/dists/bookworm/Release"] = append(s.release(), "Label: other\n"...)
		_, err := open(m, repo, "amd64", moment)
		mustFail(t, err, "dists/bookworm/Release", "was changed after signing")
		delete(m.files, base+"/dists/bookworm/Release.gpg")
		_, err = open(m, repo, "amd64", moment)
		mustFail(t, err, "dists/bookworm/Release", "not signed", "Release.gpg")
	}
}

func TestPackagesOfAllAreReadFromTheirOwnIndex(t *testing.T) {
	key := newKey(t, 0)
	for _, c := range []struct {
		fields string
		want   int
	}{
		{"Architectures: all amd64\n", 2},
		{"Architectures: all amd64\nNo-Support-for-Architecture-all: Packages\n", 1},
		{"Architectures: amd64\n", 1}, // bookworm-security lists an index that mirrors do not have
	} {
		s := suiteOf(t, ".xz", control("socat", "1.7-2"))
		s.files["main/binary-all/Packages.xz"] = compressed(t, ".xz", []byte(control("ucf", "3", "Architecture: all")))
		s.fields = strings.Replace(s.fields, "Architectures: amd64 arm64\n", c.fields, 1)
		m := newMirror()
		m.sign(t, s, key)
		repo := bookworm
		repo.Keys = public(t, key)
		x, err := open(m, repo, "amd64", moment)
		if err != nil || x.Len() != c.want {
			t.Errorf("%q: %d packages, %v", c.fields, x.Len(), err)
		}
	}
}

func TestAFlatRepositoryHasAllArchitecturesInOneIndex(t *testing.T) {
	key := newKey(t, 0)
	for _, suite := range []string{"/", "./", "stable/"} {
		m := newMirror()
		m.sign(t, suiteFiles{dir: path.Clean("/" + suite)[1:], fields: "Origin: obs\nDate: Sun, 01 Mar 2026 08:00:00 UTC\n", files: map[string][]byte{
			"Packages": []byte(control("kubelet", "1.34.4-1.1") + control("kubelet", "1.34.4-1.1", "Architecture: arm64") + control("kubelet", "1.34.3-1.1")),
		}}, key)
		x, err := open(m, Repository{URL: base + "/", Suites: []string{suite}, Keys: public(t, key)}, "amd64", moment)
		if err != nil {
			t.Fatalf("%s: %v", suite, err)
		}
		if got := names(lookup(t, x, "kubelet")); got != "kubelet=1.34.4-1.1 kubelet=1.34.3-1.1" {
			t.Errorf("%s: %s", suite, got)
		}
	}
}

func TestIndexesAreAskedForByTheirHash(t *testing.T) {
	key := newKey(t, 0)
	m := newMirror()
	s := suiteOf(t, ".gz", control("socat", "1.7-2"))
	s.fields += "Acquire-By-Hash: yes\n"
	m.sign(t, s, key)
	name := base + "/dists/bookworm/main/binary-amd64/Packages.gz"
	hashed := base + "/dists/bookworm/main/binary-amd64/by-hash/SHA256/" + sha256Hex(m.files[name])
	m.files[hashed] = m.files[name]
	m.files[name] = []byte("the next update")
	repo := bookworm
	repo.Keys = public(t, key)
	if _, err := open(m, repo, "amd64", moment); err != nil {
		t.Error(err)
	}
	if !slices.Contains(m.fetched, hashed) || slices.Contains(m.fetched, name) {
		t.Errorf("asked for %v", m.fetched)
	}
}

func TestWhatIsWrongWithARepositoryIsSaid(t *testing.T) {
	key, other, short := newKey(t, 0), newKey(t, 0), newKey(t, 36*time.Hour)
	const in, packages = base + "/dists/bookworm/InRelease", base + "/dists/bookworm/main/binary-amd64/Packages"
	for _, c := range []struct {
		name   string
		suffix string
		signer *openpgp.Entity
		given  *openpgp.Entity
		repo   func(*Repository)
		suite  func(*suiteFiles)
		after  func(*mirror)
		arch   string
		now    time.Time
		want   []string
	}{
		{name: "another key", signer: other, want: []string{in, "is not among those given", key.PrimaryKey.KeyIdString()}},
		{name: "an expired key", signer: short, given: short, now: moment.Add(48 * time.Hour), want: []string{in, "the key is expired at 2026-03-03T12:00:00Z"}},
		{name: "a key from the future", now: moment.Add(-72 * time.Hour), want: []string{in, "not yet valid"}},
		{name: "changed after signing", after: func(m *mirror) {
			m.files[in] = bytes.Replace(m.files[in], []byte("main contrib"), []byte("main CONTRIB"), 1)
		}, want: []string{in, "was changed after signing"}},
		{name: "no signature", after: func(m *mirror) { m.files[in] = []byte(bookwormFields) }, want: []string{in, "not signed"}},
		{name: "half a signature", after: func(m *mirror) { m.files[in] = m.files[in][:len(m.files[in])-120] }, want: []string{in}},
		{name: "nothing there", after: func(m *mirror) { clearMap(m) }, want: []string{"dists/bookworm/Release", "neither this file nor InRelease"}},
		{name: "too old", now: moment.Add(10 * 24 * time.Hour), want: []string{in, "valid until 2026-03-08T08:00:00Z"}},
		{name: "from the future", suite: func(s *suiteFiles) { s.fields = strings.ReplaceAll(s.fields, "01 Mar 2026", "05 Mar 2026") }, want: []string{in, "2026-03-05T08:00:00Z", "check this machine's clock"}},
		{name: "a date that is none", suite: func(s *suiteFiles) { s.fields = strings.ReplaceAll(s.fields, "Sun, 01 Mar", "Son, 01 Mrz") }, want: []string{in, "the field Date", "Son, 01 Mrz"}},
		{name: "no date", suite: func(s *suiteFiles) { s.fields = "Codename: bookworm\n" }, want: []string{in, "no field Date"}},
		{name: "another suite", suite: func(s *suiteFiles) {
			s.fields = strings.NewReplacer("bookworm", "trixie", "stable", "testing").Replace(s.fields)
		}, want: []string{in, "of the suite testing or trixie", `"bookworm"`}},
		{name: "another architecture", arch: "s390x", want: []string{in, "Architectures", "amd64 arm64, not s390x"}},
		{name: "another component", repo: func(r *Repository) { r.Components = []string{"universe"} }, want: []string{in, "Components", "main contrib, not universe"}},
		{name: "an index that is not listed", repo: func(r *Repository) { r.Components = []string{"contrib"} }, want: []string{in, "SHA256 has no contrib/binary-amd64/Packages"}},
		{name: "an index that is gone", after: func(m *mirror) { delete(m.files, packages+".gz") }, want: []string{packages, "gone from the repository"}},
		{name: "another index", after: func(m *mirror) { m.files[packages+".gz"][20] ^= 1 }, want: []string{packages + ".gz", "but the field SHA256 of " + in}},
		{name: "a longer index", after: func(m *mirror) { m.files[packages+".gz"] = append(m.files[packages+".gz"], 0) }, want: []string{packages + ".gz", "more than"}},
		{name: "half an xz", suffix: ".xz", suite: func(s *suiteFiles) { cut(s, "main/binary-amd64/Packages.xz") }, want: []string{packages + ".xz", "decompressing", "cut short"}},
		{name: "half a gzip", suite: func(s *suiteFiles) { cut(s, "main/binary-amd64/Packages.gz") }, want: []string{packages + ".gz", "decompressing", "cut short"}},
		{name: "half a zst", suffix: ".zst", suite: func(s *suiteFiles) { cut(s, "main/binary-amd64/Packages.zst") }, want: []string{packages + ".zst", "decompressing", "cut short"}},
		{name: "only old checksums", suite: func(s *suiteFiles) { s.files = nil }, after: func(m *mirror) {
			m.files[in] = clear(t, []byte(bookwormFields+"MD5Sum:\n 00000000000000000000000000000000 1 main/binary-amd64/Packages\n"), key)
		}, want: []string{in, "no field SHA256"}},
		{name: "no name of a package", suffix: "_", suite: func(s *suiteFiles) {
			s.files["main/binary-amd64/Packages"] = []byte(control("socat", "1") + "Package: ../x\nVersion: 1\nArchitecture: amd64\n\n")
		}, want: []string{packages, "line 8", "the field Package"}},
		{name: "no field", suffix: "_", suite: func(s *suiteFiles) { s.files["main/binary-amd64/Packages"] = []byte("Package: a\nwhat\n\n") }, want: []string{packages, "line 1", `"what"`}},
		{name: "no keys", given: nil, repo: func(r *Repository) { r.Keys = nil }, want: []string{base, "no keys"}},
		{name: "keys that are none", repo: func(r *Repository) { r.Keys = []byte("<html>") }, want: []string{base, "reading the keys"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			suffix := map[string]string{"": ".gz", "_": ""}[c.suffix] + strings.Trim(c.suffix, "_")
			s, m, repo := suiteOf(t, suffix, control("socat", "1.7-2")), newMirror(), bookworm
			if c.suite != nil {
				c.suite(&s)
			}
			signer, given := key, key
			if c.signer != nil {
				signer = c.signer
			}
			if c.given != nil {
				given = c.given
			}
			repo.Keys = public(t, given)
			if c.repo != nil {
				c.repo(&repo)
			}
			m.sign(t, s, signer)
			if c.after != nil {
				c.after(m)
			}
			arch := "amd64"
			if c.arch != "" {
				arch = c.arch
			}
			_, err := open(m, repo, arch, orNow(c.now))
			mustFail(t, err, c.want...)
		})
	}
}

func clearMap(m *mirror) { m.files = map[string][]byte{} }

func cut(s *suiteFiles, name string) {
	// The sums are of what is there, so that only the decompressor can find out.
	s.files[name] = s.files[name][:len(s.files[name])-9]
}

func TestASnapshotMayBeOfAnyAgeButOnlyByName(t *testing.T) {
	key := newKey(t, 0)
	m := newMirror()
	m.sign(t, suiteOf(t, ".gz", control("socat", "1.7-2")), key)
	repo := bookworm
	repo.Keys = public(t, key)
	late := moment.Add(365 * 24 * time.Hour)
	_, err := open(m, repo, "amd64", late)
	mustFail(t, err, "valid until", "snapshot")
	repo.AnyAge = true
	if _, err := open(m, repo, "amd64", late); err != nil {
		t.Error(err)
	}
}

func TestOneOfSeveralSignaturesIsEnough(t *testing.T) {
	old, now, unknown := newKey(t, 0), newKey(t, 0), newKey(t, 0)
	m := newMirror()
	m.sign(t, suiteOf(t, ".gz", control("socat", "1.7-2")), unknown, now)
	repo := bookworm
	repo.Keys = public(t, old, now)
	x, err := open(m, repo, "amd64", moment)
	if err != nil {
		t.Fatal(err)
	}
	if by := x.Releases[0].SignedBy; len(by) != 1 || !strings.HasSuffix(by[0], now.PrimaryKey.KeyIdString()) {
		t.Errorf("signed by %v", by)
	}
}

func TestARevokedKeySignsNothing(t *testing.T) {
	key := newKey(t, 0)
	m := newMirror()
	m.sign(t, suiteOf(t, ".gz", control("socat", "1.7-2")), key)
	if err := key.RevokeKey(packet.KeyCompromised, "lost", &packet.Config{Time: func() time.Time { return moment.Add(-time.Minute) }}); err != nil {
		t.Fatal(err)
	}
	repo := bookworm
	repo.Keys = public(t, key)
	_, err := open(m, repo, "amd64", moment)
	mustFail(t, err, "InRelease", "the key is revoked")
}

func TestAllSuitesThatCannotBeReadAreTold(t *testing.T) {
	repo := bookworm
	repo.Suites = []string{"bookworm", "bookworm-updates"}
	repo.Keys = public(t, newKey(t, 0))
	_, err := open(newMirror(), repo, "amd64", moment)
	mustFail(t, err, "the suite bookworm of", "the suite bookworm-updates of")
}

func TestAFetcherThatFailsIsNotAFileThatIsAbsent(t *testing.T) {
	refused := errors.New("connection refused")
	repo := bookworm
	repo.Keys = public(t, newKey(t, 0))
	asked := 0
	_, err := Open(context.Background(), repo, "amd64", func(context.Context, string) (io.ReadCloser, error) {
		asked++
		return nil, refused
	}, moment)
	if !errors.Is(err, refused) || errors.Is(err, fs.ErrNotExist) || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
