package lock

import (
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
)

func wantedSet() plan.PackageSet {
	return plan.PackageSet{
		Place: "debian-12-amd64", Arch: "amd64", Names: []string{"kubelet", "socat"},
		Pins: []plan.PackagePin{{Name: "kubelet", Version: "1.34.4"}},
		Repositories: []plan.PackageRepository{
			{Name: "debian", URL: "http://deb.example/debian", Suites: []string{"bookworm"}, Components: []string{"main"}, Keys: []byte("key\n")},
		},
	}
}

func lockedSet() PackageSet {
	s := asked(wantedSet())
	s.Repositories[0].Snapshots = []Snapshot{{Suite: "bookworm", SHA256: hex("a")}}
	s.Packages = []Package{
		{Name: "kubelet", Version: "1.34.4-1.1", Architecture: "amd64", URL: "http://deb.example/kubelet.deb", SHA256: hex("b"), Size: 10},
		{Name: "socat", Version: "1:1.7.4-2", Architecture: "amd64", URL: "file:///srv/socat.deb", SHA256: hex("c"), Size: 20},
	}
	return s
}

func packagesLock() *Lock { return &Lock{Format: Format, Packages: []PackageSet{lockedSet()}} }

func TestPackagesComeBackAsTheyWereWritten(t *testing.T) {
	l := packagesLock()
	back, err := Parse("satchel.lock", l.Bytes())
	if err != nil || back.Digest() != l.Digest() || back.CountPackages() != 2 {
		t.Fatalf("got %v, %v", back, err)
	}
	if strings.Contains(string((&Lock{Format: Format}).Bytes()), "packages") {
		t.Error("a lock without packages speaks of them")
	}
	s := back.Packages[0]
	if got := s.Dir() + "/" + s.File(s.Packages[1]); got != "packages/debian-12-amd64/pool/socat_1%3a1.7.4-2_amd64.deb" {
		t.Errorf("its file is %s", got)
	}
}

func wantedRPMs() plan.PackageSet {
	return plan.PackageSet{
		Place: "rhel-9-amd64", Arch: "amd64", Names: []string{"socat"},
		Repositories: []plan.PackageRepository{{Name: "base", URL: "http://rpm.example/os", Keys: []byte("key\n"), Modules: []string{"a:1"}}},
	}
}

func TestPackagesOfRPMComeBackAsTheyWereWritten(t *testing.T) {
	s := asked(wantedRPMs())
	s.Repositories[0].Snapshots = []Snapshot{{Revision: "1700000000", SHA256: hex("a")}}
	s.Packages = []Package{{Name: "socat", Version: "1:1.7.4-2.el9", Architecture: "x86_64", URL: "http://rpm.example/os/socat.rpm", Repository: "base", SHA256: hex("b"), Size: 10}}
	l := &Lock{Format: Format, Packages: []PackageSet{s}}
	back, err := Parse("satchel.lock", l.Bytes())
	if err != nil || back.Digest() != l.Digest() || back.CountPackages() != 1 {
		t.Fatalf("got %v, %v", back, err)
	}
	if got := back.Packages[0].File(back.Packages[0].Packages[0]); got != "pool/socat-1.7.4-2.el9.x86_64.rpm" {
		t.Errorf("its file is %s", got)
	}
	if strings.Contains(string(l.Bytes()), `"date"`) {
		t.Error("a repomd.xml has no date")
	}
	other := wantedRPMs()
	other.Repositories[0].Modules, other.Repositories[0].SignedMetadata, other.Repositories[0].ModuleHotfixes = []string{"a:2"}, true, true
	err = back.Covers(plan.Supply{Packages: []plan.PackageSet{other}})
	if err == nil || !strings.Contains(err.Error(), "of the modules a:1, and needed for") || !strings.Contains(err.Error(), ", with signed metadata, of the modules a:2, beside all modules") {
		t.Errorf("got %v", err)
	}
}

func TestPackagesOfAnUnsignedRepositoryAreVouchedForByTheIndexAlone(t *testing.T) {
	want := wantedRPMs()
	want.Repositories[0].Keys, want.Repositories[0].Unsigned = nil, true
	s := asked(want)
	s.Repositories[0].Snapshots = []Snapshot{{Revision: "1700000000", SHA256: hex("a")}}
	s.Packages = []Package{{Name: "socat", Version: "1.7.4-2.el9", Architecture: "x86_64", URL: "http://rpm.example/os/socat.rpm", Repository: "base", SHA256: hex("b"), Size: 10}}
	l := &Lock{Format: Format, Packages: []PackageSet{s}}
	back, err := Parse("satchel.lock", l.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := back.Packages[0].File(back.Packages[0].Packages[0]); got != "indexed/socat-1.7.4-2.el9.x86_64.rpm" {
		t.Errorf("its file is %s", got)
	}
	if strings.Contains(string(l.Bytes()), `"keys"`) {
		t.Error("it has keys")
	}
	err = back.Covers(plan.Supply{Packages: []plan.PackageSet{wantedRPMs()}})
	if err == nil || !strings.Contains(err.Error(), "is locked for http://rpm.example/os unsigned") {
		t.Errorf("got %v", err)
	}
	l.Packages[0].Repositories[0].Unsigned = false
	if _, err := Parse("satchel.lock", l.Bytes()); err == nil || !strings.Contains(err.Error(), `the keys "" are no digest`) {
		t.Errorf("got %v", err)
	}
}

func TestAPackageThatCannotBeIsRefused(t *testing.T) {
	for want, change := range map[string]func(*PackageSet){
		"FAMILY-RELEASE-ARCHITECTURE":         func(s *PackageSet) { s.Place = "../debian-12-amd64" },
		"neither \"minimal\" nor a digest":    func(s *PackageSet) { s.Baseline = "small" },
		"is no name, version or architecture": func(s *PackageSet) { s.Packages[0].Version = "1/../../x" },
		"not an https://, http:// or file":    func(s *PackageSet) { s.Packages[0].URL = "ftp://deb.example/x" },
		"sha256 \"b\" is not 64":              func(s *PackageSet) { s.Packages[0].SHA256 = "b" },
		"the size 0":                          func(s *PackageSet) { s.Packages[0].Size = 0 },
		"entries are sorted":                  func(s *PackageSet) { s.Packages[0], s.Packages[1] = s.Packages[1], s.Packages[0] },
		"it is there twice":                   func(s *PackageSet) { s.Packages[1] = s.Packages[0] },
		"the keys \"\" are no digest":         func(s *PackageSet) { s.Repositories[0].Keys = "" },
		"of a snapshot is not 64":             func(s *PackageSet) { s.Repositories[0].Snapshots[0].SHA256 = "1" },
	} {
		l := packagesLock()
		change(&l.Packages[0])
		if _, err := Parse("satchel.lock", l.Bytes()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestALockCoversThePackagesThatWereAskedFor(t *testing.T) {
	if err := packagesLock().Covers(plan.Supply{Packages: []plan.PackageSet{wantedSet()}}); err != nil {
		t.Error(err)
	}
	other := wantedSet()
	other.Names, other.Prefer, other.Baseline = []string{"kubelet", "socat", "ufw"}, []string{"mawk"}, []byte("list")
	other.Pins[0].Version = "1.34.5"
	other.Repositories[0].Keys = []byte("another\n")
	err := packagesLock().Covers(plan.Supply{Packages: []plan.PackageSet{other}})
	for _, want := range []string{
		"packages of debian-12-amd64 is locked for kubelet=1.34.4, socat, and needed for kubelet=1.34.5, socat, ufw",
		"the baseline of debian-12-amd64 is locked for minimal, and needed for sha256:",
		"the lock lacks the preferred packages of debian-12-amd64",
		"repository debian of debian-12-amd64 is locked for http://deb.example/debian bookworm main with keys sha256:",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestOnlyPackagesMoveNotSnapshots(t *testing.T) {
	old, fresh := packagesLock(), packagesLock()
	fresh.Packages[0].Repositories[0].Snapshots[0].SHA256 = hex("d")
	if moved := Diff(old, fresh); len(moved) > 0 {
		t.Errorf("got %q", moved)
	}
	fresh.Packages[0].Packages[1].Version = "1:1.7.4-3"
	if moved := Diff(old, fresh); len(moved) != 1 || !strings.HasPrefix(moved[0], "package socat of debian-12-amd64 moved from 1:1.7.4-2") {
		t.Errorf("got %q", moved)
	}
	if with := old.With(&Lock{Format: Format}); with.CountPackages() != 2 {
		t.Errorf("%d packages are left of 2", with.CountPackages())
	}
}

func TestUpstreamsVersionIsFoundInThePackages(t *testing.T) {
	for _, c := range []struct {
		version, upstream string
		want              bool
	}{
		{"1.34.4-1.1", "1.34.4", true},
		{"1.34.4", "1.34.4", true},
		{"1.23.9-00", "1.23.9", true},
		{"1.34.40-1.1", "1.34.4", false},
		{"1.34.4.1-1", "1.34.4", false},
		{"1.6.20~ds1-1+deb12u1", "1.6.20", true},
		{"5:28.5.2-1~debian.12~bookworm", "28.5.2", true},
		{"2:1.34.4-1", "2", false},
	} {
		if got := isOf(c.version, c.upstream); got != c.want {
			t.Errorf("%s of %s: %t", c.version, c.upstream, got)
		}
	}
}
