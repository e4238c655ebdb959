package deb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// roots are what a cluster's hosts need.
var roots = []string{"keepalived", "haproxy", "containerd", "conntrack", "socat", "ethtool", "chrony", "ipvsadm"}

// machineIndexes are the repositories of this machine's apt, as its lists have them.
func machineIndexes(t testing.TB) []*Index {
	t.Helper()
	programs(t, "apt-get", "dpkg")
	realIndex(t)
	found, err := filepath.Glob(filepath.Join(lists, "*_Packages*"))
	if err != nil {
		t.Fatal(err)
	}
	arch := strings.TrimSpace(run(t, "dpkg", "--print-architecture"))
	var indexes []*Index
	for _, name := range found {
		content, err := exec.Command("/usr/lib/apt/apt-helper", "cat-file", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		host, _, _ := strings.Cut(filepath.Base(name), "_dists_")
		x := readIndex(t, bytes.NewReader(content), "http://"+strings.ReplaceAll(host, "_", "/"), arch)
		indexes = append(indexes, x)
	}
	return indexes
}

// machineApt runs this machine's apt with its own sources and lists, but for a host that
// has a status. It changes nothing outside a temporary directory.
func machineApt(t testing.TB, installed *Installed) func(args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	var status bytes.Buffer
	for _, p := range installed.Packages() {
		status.WriteString(p.Stanza + "Status: install ok installed\n\n")
	}
	write(t, filepath.Join(dir, "status"), status.Bytes())
	if err := os.MkdirAll(filepath.Join(dir, "cache/archives/partial"), 0o755); err != nil {
		t.Fatal(err)
	}
	options := []string{"-o", "Dir::State::status=" + dir + "/status", "-o", "Dir::State::extended_states=" + dir + "/extended_states", "-o", "Dir::Cache=" + dir + "/cache",
		"-o", "Dir::Cache::pkgcache=pkgcache.bin", "-o", "Dir::Cache::srcpkgcache=srcpkgcache.bin", "-o", "APT::Install-Recommends=false", "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=true", "-o", "APT::Keep-Downloaded-Packages=true", "-o", "Dir::Log=" + dir}
	return func(args ...string) (string, error) {
		args = slices.Concat(options, args)
		for i, a := range args {
			args[i] = strings.ReplaceAll(a, "CACHE", dir+"/cache")
		}
		return runFails([]string{"DEBIAN_FRONTEND=noninteractive"}, "apt-get", args...)
	}
}

var inst = regexp.MustCompile(`(?m)^Inst (\S+) (?:\[\S+\] )?\((\S+) `)

// simulated is what apt would install.
func simulated(t testing.TB, apt func(...string) (string, error), names ...string) []string {
	t.Helper()
	out, err := apt(append([]string{"install", "--simulate"}, names...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(out, "\nRemv ") {
		t.Logf("apt would remove packages:\n%s", out)
	}
	var list []string
	for _, m := range inst.FindAllStringSubmatch(out, -1) {
		list = append(list, m[1]+"="+m[2])
	}
	slices.Sort(list)
	return list
}

func list(packages []*Package) []string {
	var words []string
	for _, p := range packages {
		words = append(words, p.Name+"="+p.Version)
	}
	slices.Sort(words)
	return words
}

func resolve(t testing.TB, indexes []*Index, installed *Installed, names ...string) []*Package {
	t.Helper()
	got, err := Resolve(indexes, installed, Request{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// apt upgrades what is installed of the source packages that it installs from, needed or
// not. That is its right; here it would only be in the way of comparing.
const onlyNeeded = "APT::Get::Upgrade-By-Source-Package=false"

// That apt does anything says that the minimal system is whole to it.
func TestTheChoiceIsAptsOrASmallerOne(t *testing.T) {
	indexes := machineIndexes(t)
	minimal, err := Minimal(indexes)
	if err != nil {
		t.Fatal(err)
	}
	apt := machineApt(t, minimal)
	requests := [][]string{roots, {"exim4"}, {"python3-requests", "default-jre-headless", "build-essential"}}
	for _, names := range requests {
		ours := resolve(t, indexes, minimal, names...)
		theirs := simulated(t, apt, names...)
		if slices.Equal(list(ours), theirs) {
			t.Logf("%s: %d packages, as apt", strings.Join(names, " "), len(theirs))
			continue
		}
		more := slices.DeleteFunc(list(ours), func(s string) bool { return slices.Contains(theirs, s) })
		less := slices.DeleteFunc(slices.Clone(theirs), func(s string) bool { return slices.Contains(list(ours), s) })
		t.Logf("%s: %d packages, apt has %d; only here %v, only apt's %v", strings.Join(names, " "), len(ours), len(theirs), more, less)
		if len(ours) > len(theirs) {
			t.Errorf("%s: the choice is larger than apt's", strings.Join(names, " "))
		}
		// What is chosen here is valid to apt if it would do exactly this.
		if again := simulated(t, apt, append(list(ours), "-o", onlyNeeded)...); !slices.Equal(again, list(ours)) {
			t.Errorf("%s: to apt this is not whole: it would install %v", strings.Join(names, " "), again)
		}
	}
}

// The whole way: a repository on loopback with the packages that apt downloads, its
// indexes signed, read and resolved here, every package checked as it arrives.
func TestARepositoryOfRealPackagesIsReadFromTheirSignatureOn(t *testing.T) {
	if testing.Short() {
		t.Skip("it downloads 50 MB of packages")
	}
	indexes := machineIndexes(t)
	minimal, err := Minimal(indexes)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	apt := machineApt(t, minimal)
	theirs := simulated(t, apt, roots...)
	if out, err := apt(slices.Concat([]string{"install", "--yes", "--download-only", "-o", "Dir::Cache::archives=" + dir}, roots)...); err != nil {
		t.Skipf("this machine's apt cannot download: %v\n%s", err, out)
	}
	files := serveDebs(t, dir)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()

	key := newKey(t, 0)
	packages, err := WriteRepository(files, "bookworm")
	if err != nil {
		t.Fatal(err)
	}
	m := suiteFiles{fields: bookwormFields, files: map[string][]byte{"main/binary-amd64/Packages.xz": compressed(t, ".xz", packages[0].Data)}}
	write(t, filepath.Join(dir, "dists/bookworm/main/binary-amd64/Packages.xz"), m.files["main/binary-amd64/Packages.xz"])
	write(t, filepath.Join(dir, "dists/bookworm/InRelease"), clear(t, m.release(), key))

	x, err := Open(context.Background(), Repository{URL: server.URL, Suites: []string{"bookworm"}, Components: []string{"main"}, Keys: public(t, key)}, indexes[0].Arch, httpFetch, moment)
	if err != nil {
		t.Fatal(err)
	}
	ours := resolve(t, []*Index{x}, minimal, roots...)
	if !slices.Equal(list(ours), theirs) {
		t.Errorf("got  %v\nwant %v", list(ours), theirs)
	}
	for _, p := range ours {
		body, err := httpFetch(context.Background(), p.URL)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(body)
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || int64(len(content)) != p.Size || sha256Hex(content) != p.SHA256 {
			t.Errorf("%s is not what the index says: %v", p.URL, err)
		}
	}
}

// serveDebs makes a pool of what apt downloaded.
func serveDebs(t *testing.T, dir string) []PackageFile {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) == 0 {
		t.Fatalf("apt downloaded nothing: %v", err)
	}
	var files []PackageFile
	for _, name := range found {
		// apt writes the colon of an epoch as %3a.
		path := "pool/" + strings.ReplaceAll(filepath.Base(name), "%3a", ".")
		files = append(files, fileOf(t, name, path))
		if err := os.MkdirAll(filepath.Join(dir, "pool"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name, filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func httpFetch(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	err = fmt.Errorf("GET %s: %s", url, res.Status)
	if res.StatusCode == http.StatusNotFound {
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	_ = res.Body.Close()
	return nil, err
}
