package lock

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/repository"
)

// PackageSet are the packages of one operating system and architecture as they were when
// they were locked.
type PackageSet struct {
	// Place is the directory below packages/ of the bundle, such as "debian-12-amd64".
	Place string `json:"place"`
	// Names are what was asked for, sorted: NAME, or NAME=VERSION with upstream's version.
	Names []string `json:"names"`
	// Prefer are what goes first where there is a choice.
	Prefer []string `json:"prefer,omitempty"`
	// Baseline is "minimal", or "sha256:…" of the list of what hosts have.
	Baseline string `json:"baseline"`
	// Repositories are sorted by name.
	Repositories []PackageRepository `json:"repositories"`
	// Packages are sorted by name.
	Packages []Package `json:"packages"`
}

// PackageRepository is where packages were looked for, and its state at that moment.
type PackageRepository struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// Suites and Components are those of a deb repository.
	Suites     []string `json:"suites,omitempty"`
	Components []string `json:"components,omitempty"`
	// SignedMetadata, Unsigned, Modules and ModuleHotfixes are those of an rpm repository.
	SignedMetadata bool     `json:"signedMetadata,omitempty"`
	Unsigned       bool     `json:"unsigned,omitempty"`
	Modules        []string `json:"modules,omitempty"`
	ModuleHotfixes bool     `json:"moduleHotfixes,omitempty"`
	// Keys is "sha256:…" of the keys, which the bundle has in keys/PLACE/NAME.asc, and
	// Fingerprints are those of the primary keys, to compare with what their owner says.
	// An unsigned repository has none.
	Keys         string   `json:"keys,omitempty"`
	Fingerprints []string `json:"fingerprints,omitempty"`
	// AnyAge says that the snapshots could be of any age.
	AnyAge    bool       `json:"anyAge,omitempty"`
	Snapshots []Snapshot `json:"snapshots"`
}

// Snapshot is what names all packages of a suite by checksum: a signed Release, or the
// repomd.xml of an rpm repository.
type Snapshot struct {
	Suite string `json:"suite,omitempty"`
	// Date is what a Release says of itself, in UTC, and Revision what a repomd.xml does.
	Date     time.Time `json:"date,omitzero"`
	Revision string    `json:"revision,omitempty"`
	SHA256   string    `json:"sha256"`
	// SignedBy are the fingerprints of the keys whose signatures of it were good. Those of
	// an rpm repository whose metadata need not be signed are not asked for.
	SignedBy []string `json:"signedBy,omitempty"`
}

// Package is one package that is added to the baseline.
type Package struct {
	Name string `json:"name"`
	// Version is as dpkg or rpm has it: [EPOCH:]VERSION-REVISION.
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	URL          string `json:"url"`
	// Repository is the name of the one that has an rpm package, whose keys have to have
	// signed it.
	Repository string `json:"repository,omitempty"`
	// SHA256 is 64 lower-case hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// Digest is the package's SHA-256 in the form of an OCI digest.
func (p Package) Digest() string { return "sha256:" + p.SHA256 }

// Dir is where the set's repository is in the bundle.
func (s PackageSet) Dir() string { return "packages/" + s.Place }

// System is the place without the architecture, such as "debian-12".
func (s PackageSet) System() string { return s.Place[:strings.LastIndexByte(s.Place, '-')] }

// RPM says that the packages are those of rpm, and not of dpkg.
func (s PackageSet) RPM() bool { return strings.HasPrefix(s.Place, "rhel-") }

// Indexed says that what vouches for a package is the index that was locked, signed or not,
// and no signature of its own.
func (s PackageSet) Indexed(p Package) bool {
	return slices.ContainsFunc(s.Repositories, func(r PackageRepository) bool { return r.Name == p.Repository && (r.SignedMetadata || r.Unsigned) })
}

// File is the package's place in the set's repository (deb-name(7), with the epoch, which
// is left out of the names of rpm packages). Hosts check the signatures of the rpm packages
// in pool, and know by the place that those in indexed may have none.
func (s PackageSet) File(p Package) string {
	if s.RPM() {
		dir := "pool/"
		if s.Indexed(p) {
			dir = "indexed/"
		}
		return dir + p.Name + "-" + p.Version[strings.IndexByte(p.Version, ':')+1:] + "." + p.Architecture + ".rpm"
	}
	return "pool/" + p.Name + "_" + strings.ReplaceAll(p.Version, ":", "%3a") + "_" + p.Architecture + ".deb"
}

// PackageNames are the names of all packages by place. A nil lock has none.
func (l *Lock) PackageNames() map[string][]string {
	names := map[string][]string{}
	if l == nil {
		return names
	}
	for _, s := range l.Packages {
		for _, p := range s.Packages {
			names[s.Place] = append(names[s.Place], p.Name)
		}
	}
	return names
}

// CountPackages is how many packages there are in all sets.
func (l *Lock) CountPackages() int {
	n := 0
	for _, s := range l.Packages {
		n += len(s.Packages)
	}
	return n
}

// asked is a set without what is found.
func asked(want plan.PackageSet) PackageSet {
	s := PackageSet{Place: want.Place, Prefer: want.Prefer, Baseline: "minimal"}
	for _, name := range want.Names {
		if version := want.Pinned(name); version != "" {
			name += "=" + version
		}
		s.Names = append(s.Names, name)
	}
	if want.Baseline != nil {
		s.Baseline = digestOf(want.Baseline)
	}
	for _, r := range want.Repositories {
		s.Repositories = append(s.Repositories, PackageRepository{
			Name: r.Name, URL: r.URL, Suites: r.Suites, Components: r.Components, AnyAge: r.AnyAge, Keys: keysOf(r),
			SignedMetadata: r.SignedMetadata, Unsigned: r.Unsigned, Modules: r.Modules, ModuleHotfixes: r.ModuleHotfixes,
			Fingerprints: fingerprints(r.Keys),
		})
	}
	return s
}

func keysOf(r plan.PackageRepository) string {
	if r.Unsigned {
		return ""
	}
	return digestOf(r.Keys)
}

// fingerprints are those of keys. What is wrong with them is said when they are used.
func fingerprints(keys []byte) []string {
	list, err := repository.ReadKeys(keys)
	if err != nil {
		return nil
	}
	return list.Fingerprints()
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// note has what was asked for. Snapshots move all the time; what counts of them is the
// packages.
func (s PackageSet) note(w wants) {
	at := "of " + s.Place
	w["packages "+at] = strings.Join(s.Names, ", ")
	w["the baseline "+at] = s.Baseline
	if len(s.Prefer) > 0 {
		w["the preferred packages "+at] = strings.Join(s.Prefer, ", ")
	}
	for _, r := range s.Repositories {
		keys := "with keys " + r.Keys
		if r.Unsigned {
			keys = "unsigned"
		}
		text := strings.Join(slices.Concat([]string{r.URL}, r.Suites, r.Components, []string{keys}), " ")
		if r.AnyAge {
			text += ", of any age"
		}
		if r.SignedMetadata {
			text += ", with signed metadata"
		}
		if len(r.Modules) > 0 {
			text += ", of the modules " + strings.Join(r.Modules, " ")
		}
		if r.ModuleHotfixes {
			text += ", beside all modules"
		}
		w["repository "+r.Name+" "+at] = text
	}
}

// filled has empty lists where s has none.
func (s PackageSet) filled() PackageSet {
	s.Names, s.Packages = append([]string{}, s.Names...), append([]Package{}, s.Packages...)
	s.Repositories = append([]PackageRepository{}, s.Repositories...)
	for i := range s.Repositories {
		s.Repositories[i].Snapshots = append([]Snapshot{}, s.Repositories[i].Snapshots...)
	}
	return s
}

var (
	// fingerprintForm is that of keys of version 4 and of version 6.
	fingerprintForm = regexp.MustCompile(`^([0-9A-F]{40}|[0-9A-F]{64})$`)
	placeForm       = regexp.MustCompile(`^(debian|rhel)-[0-9.]+-[a-z0-9]+$`)
	// wordForm is what names, versions and architectures are made of.
	wordForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~:^_-]*$`)
)

func (s PackageSet) validate(sizes map[string]int64) error {
	if !placeForm.MatchString(s.Place) {
		return errors.New("it is not FAMILY-RELEASE-ARCHITECTURE")
	}
	if s.Baseline != "minimal" && !isDigest(s.Baseline) {
		return fmt.Errorf("the baseline %q is neither \"minimal\" nor a digest", s.Baseline)
	}
	last := ""
	for _, r := range s.Repositories {
		if err := errors.Join(follows(last, r.Name), r.validate()); err != nil {
			return fmt.Errorf("repository %q: %w", r.Name, err)
		}
		last = r.Name
	}
	last = ""
	for _, p := range s.Packages {
		if err := errors.Join(follows(last, p.Name+" "+p.Architecture), p.validate(sizes)); err != nil {
			return fmt.Errorf("package %q: %w", p.Name, err)
		}
		last = p.Name + " " + p.Architecture
	}
	return nil
}

func (r PackageRepository) validate() error {
	if r.Unsigned != (r.Keys == "") || r.Keys != "" && !isDigest(r.Keys) {
		return fmt.Errorf("the keys %q are no digest", r.Keys)
	}
	signers := slices.Clone(r.Fingerprints)
	for _, s := range r.Snapshots {
		signers = append(signers, s.SignedBy...)
	}
	for _, f := range signers {
		if !fingerprintForm.MatchString(f) {
			return fmt.Errorf("%.70q is no fingerprint of a key", f)
		}
	}
	for _, s := range r.Snapshots {
		if !isSHA256(s.SHA256) {
			return fmt.Errorf("sha256 %q of a snapshot is not 64 lower-case hexadecimal digits", s.SHA256)
		}
	}
	return isAddress(r.URL)
}

func (p Package) validate(sizes map[string]int64) error {
	for _, word := range []string{p.Name, p.Version, p.Architecture} {
		if !wordForm.MatchString(word) {
			return fmt.Errorf("%q is no name, version or architecture", word)
		}
	}
	switch {
	case !isSHA256(p.SHA256):
		return fmt.Errorf("sha256 %q is not 64 lower-case hexadecimal digits", p.SHA256)
	case p.Size <= 0:
		return fmt.Errorf("the size %d is none of a package", p.Size)
	}
	return errors.Join(isAddress(p.URL), agree(sizes, p.Digest(), p.Size))
}

// isAddress is for what may also be on the build machine itself.
func isAddress(address string) error {
	u, err := url.Parse(address)
	if err == nil && (u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") || u.Scheme == "file" && u.Host == "" && u.Path != "") {
		return nil
	}
	return fmt.Errorf("url %q is not an https://, http:// or file:/// address", address)
}

func sortPackages(list []Package) {
	slices.SortFunc(list, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name+" "+a.Architecture, b.Name+" "+b.Architecture), cmp.Compare(a.Version, b.Version))
	})
}
