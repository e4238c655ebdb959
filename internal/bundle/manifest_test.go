package bundle

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode"
)

func rawManifest(t testing.TB) []byte {
	t.Helper()
	return must(assemble(sample(t)))[0].data
}

func TestManifestReadsWhatItWrote(t *testing.T) {
	raw := rawManifest(t)
	m, again, err := readManifest(bytes.NewReader(raw))
	if err != nil || !bytes.Equal(raw, again) {
		t.Fatal(err)
	}
	if m.Name != "lab" || m.Hosts[0].Name != "master1" || len(m.Images) != 3 || len(m.Images[1].Platforms) != 2 {
		t.Errorf("got %+v", m)
	}
}

func TestManifestRefuses(t *testing.T) {
	good := string(rawManifest(t))
	for what, test := range map[string]struct{ from, to, want string }{
		"another format":         {`"bundle": 1`, `"bundle": 2`, "format 2"},
		"a field too many":       {`"bundle": 1,`, `"bundle": 1, "extra": 1,`, "unknown field"},
		"a field twice":          {`"name": "lab",`, `"name": "x", "name": "lab",`, "changed after"},
		"another spelling":       {`"name": "lab"`, `"NAME": "lab"`, "changed after"},
		"no name":                {`"name": "lab"`, `"name": ""`, "empty"},
		"a digest that is none":  {`"spec": "sha256:`, `"spec": "sha512:`, "digest"},
		"a path that leaves":     {`"path": "install.sh"`, `"path": "../install"`, "clean relative path"},
		"files out of order":     {`"path": "hosts/worker1/kubeadm.yaml"`, `"path": "z"`, "out of order"},
		"a mode that is none":    {`"mode": "0755"`, `"mode": "4755"`, "mode"},
		"a negative size":        {`"size": 24`, `"size": -24`, "size -24"},
		"sizes without end":      {`"size": 24`, `"size": 9223372036854775807`, "larger together"},
		"a size that is none":    {`"size": 24`, `"size": 1e99`, "cannot unmarshal"},
		"a hash that is none":    {`"sha256": "`, `"sha256": "G`, "sha256"},
		"a host that is a path":  {`"name": "worker1"`, `"name": "worker/1"`, "folder"},
		"a blob of no image":     {`"config": "sha256:`, `"config": "sha256:0`, "digest"},
		"two documents":          {"\n}\n", "\n}\n{}", "after top-level"},
		"nothing":                {good, "", "unexpected end"},
		"a file left to no base": {"\"mode\": \"0755\"\n", "\"mode\": \"0755\",\n      \"base\": true\n", "no delta"},
		"a mark that says no":    {"\"mode\": \"0755\"\n", "\"mode\": \"0755\",\n      \"base\": false\n", "changed after"},
		"since nothing":          {`  "hosts": [`, "  \"since\": {},\n  \"hosts\": [", "since: "},
		"no object":              {good, "[]", "cannot unmarshal"},
		"null":                   {good, "null", "format 0"},
	} {
		t.Run(what, func(t *testing.T) {
			if !strings.Contains(good, test.from) {
				t.Fatalf("the manifest lacks %s", test.from)
			}
			_, _, err := readManifest(strings.NewReader(strings.Replace(good, test.from, test.to, 1)))
			wantError(t, err, "reading bundle.json", test.want)
		})
	}
}

func TestAHugeManifestIsNotReadToItsEnd(t *testing.T) {
	_, _, err := readManifest(endless{})
	wantError(t, err, "larger than")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// tinyManifest has one of everything, and is the same in every process.
func tinyManifest(t testing.TB) []byte {
	t.Helper()
	blob := hexSum(nil)
	m := &Manifest{
		Bundle: Format, Name: "lab", Version: "1", Spec: "sha256:" + blob, Lock: "sha256:" + blob, Satchel: "v1",
		Hosts: []Host{{Name: "a", Address: "10.0.0.1", Roles: []string{"worker"}}},
		Images: []Image{{Name: coredns, Digest: "sha256:" + blob, Platforms: []Platform{
			{Platform: "linux/amd64", Digest: "sha256:" + blob, Config: "sha256:" + blob, Layers: []string{"sha256:" + blob}},
		}}},
		Files: []File{
			{Path: blobsDir + blob, Size: 24, SHA256: blob, Mode: Plain},
			{Path: "install.sh", Size: 1, SHA256: blob, Mode: Executable},
		},
	}
	raw := must(m.encode())
	must(decodeManifest(raw))
	return raw
}

// FuzzManifest promises that no bundle.json makes the reader panic, and that
// what it accepts has one form only and can be worked with.
func FuzzManifest(f *testing.F) {
	raw := tinyManifest(f)
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte(`"size": 24`), []byte(`"size": -1`), 1))
	f.Add([]byte(`{"bundle":1}`))
	f.Add(tinyDelta(f))
	f.Add(bytes.Replace(tinyDelta(f), []byte(`"base": true`), []byte(`"base": false`), 1))
	f.Add(bytes.Replace(raw, []byte(`"mode": "0644"`), []byte("\"mode\": \"0644\",\n      \"base\": true"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeManifest(data)
		if err != nil {
			return
		}
		if again := must(m.encode()); !bytes.Equal(again, data) {
			t.Errorf("it has two forms: %q and %q", data, again)
		}
		if s := summarize(m); s.Total < 0 || s.Shared < 0 || s.Blobs+s.Tree+s.Files != s.Total {
			t.Errorf("sizes do not add up: %+v", s)
		}
		if bytes.Count(sums(m.Files, data), []byte("\n")) != len(m.Files)+1 {
			t.Error("SHA256SUMS has not one line a file")
		}
		checkWhole(t, m, data)
	})
}

// checkWhole looks at what a delta leads to.
func checkWhole(t *testing.T, m *Manifest, data []byte) {
	t.Helper()
	s := must(newSource("x", m, data))
	whole, err := decodeManifest(s.wholeRaw)
	if err != nil || whole.Since != nil || whole.left() != (Amount{}) || len(whole.Files) != len(m.Files) {
		t.Errorf("it leads to %s: %v", s.wholeRaw, err)
	}
	if m.Since == nil && (m.left() != (Amount{}) || !bytes.Equal(s.wholeRaw, data)) {
		t.Error("it is no delta, and leads to another bundle")
	}
	if b := s.base(); b.since.check() == nil && !b.since.fits(whole, s.identity) {
		t.Errorf("a delta since it would not fit: %+v", b.since)
	}
}

// tinyDelta is tinyManifest as a delta that leaves the last file to its base.
func tinyDelta(t testing.TB) []byte {
	t.Helper()
	m := must(decodeManifest(tinyManifest(t)))
	m.Since = &Since{Bundle: m.Spec, Name: "lab", Version: "0"}
	m.Files[len(m.Files)-1].Base = true
	raw := must(m.encode())
	must(decodeManifest(raw))
	return raw
}

// FuzzBase promises that nothing that is named as a base makes the reader panic.
func FuzzBase(f *testing.F) {
	f.Add(tinyManifest(f))
	f.Add(tinyDelta(f))
	in := sample(f)
	f.Add(must(os.ReadFile(lockFile(f, &in))))
	f.Add([]byte(`{"lock":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseBase("x", data)
		if err != nil {
			return
		}
		if since := b.Since(); since.check() != nil && since.Name != "" && since.Version != "" && !strings.ContainsFunc(since.Name+since.Version, unicode.IsControl) {
			t.Errorf("no delta can be made since %+v", since)
		}
	})
}
