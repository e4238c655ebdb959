package rpm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Installed are the packages that a host has. It does not change any more.
type Installed struct {
	// packages are sorted by name, then architecture, then version.
	packages []*Package
}

// Packages are sorted by name, then architecture, then version.
func (i *Installed) Packages() []*Package { return slices.Clone(i.packages) }

// newInstalled sorts packages, and refuses two that are the same. More than one version
// of a package is right: hosts have several kernels.
func newInstalled(packages []*Package) (*Installed, error) {
	slices.SortFunc(packages, byName)
	for n := 1; n < len(packages); n++ {
		if byName(packages[n-1], packages[n]) == 0 {
			return nil, fmt.Errorf("%s is said to be installed twice", packages[n])
		}
	}
	return &Installed{packages}, nil
}

func byName(a, b *Package) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	if c := strings.Compare(a.Architecture, b.Architecture); c != 0 {
		return c
	}
	return Compare(a.EVR(), b.EVR())
}

// InstalledFormat is what rpm -qa --qf prints of a host for [ReadInstalled].
const InstalledFormat = `%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n` +
	`[provides %{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION}\n]` +
	`[requires %{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n]` +
	`[conflicts %{CONFLICTNAME} %{CONFLICTFLAGS:depflags} %{CONFLICTVERSION}\n]` +
	`[obsoletes %{OBSOLETENAME} %{OBSOLETEFLAGS:depflags} %{OBSOLETEVERSION}\n]` +
	`[file %{FILENAMES}\n]`

// ReadInstalled reads what a host has: lines of a name, a version and an architecture, as
// this prints them on the host:
//
//	rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n'
//
// After each there may be lines of what the package provides, requires, conflicts with and
// obsoletes, and of its files, as [InstalledFormat] prints them. They say more: without
// them, [Resolve] takes that from the repositories, for the packages whose versions these
// still have. The lines of files may be left out, or be only those of some directories.
func ReadInstalled(r io.Reader) (*Installed, error) {
	packages, err := readInstalled(r)
	if err == nil && len(packages) == 0 {
		err = errors.New("there are none: this should be lines of a name, a version and an architecture, as rpm -qa prints them")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the installed packages: %w", err)
	}
	i, err := newInstalled(packages)
	if err != nil {
		return nil, fmt.Errorf("reading the installed packages: %w", err)
	}
	return i, nil
}

func readInstalled(r io.Reader) ([]*Package, error) {
	var packages []*Package
	var problems []error
	var last *Package // nil after a line that is passed over
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		// rpm prints this where a package has none of a list, without an end of the line.
		line := s.Text()
		for strings.HasPrefix(line, "(none)") {
			line = line[len("(none)"):]
		}
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch kind {
		case "":
		case "provides", "requires", "conflicts", "obsoletes", "file":
			err = last.note(kind, strings.TrimSpace(rest))
		case "gpg-pubkey": // a key in rpm's database, and no package
			last = &Package{}
		default:
			if last, err = parseInstalled(line); err == nil {
				packages = append(packages, last)
			}
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", n, err))
		}
	}
	if err := s.Err(); err != nil {
		problems = append(problems, err)
	}
	for _, p := range packages {
		if err := p.prepare(); err != nil {
			problems = append(problems, fmt.Errorf("package %s: %w", p, err))
		}
	}
	return packages, errors.Join(problems...)
}

// parseInstalled reads a line of a name, a version and an architecture.
func parseInstalled(line string) (*Package, error) {
	f := strings.Fields(line)
	if len(f) != 3 {
		return &Package{}, fmt.Errorf("%.100q is not a name, a version and an architecture", line)
	}
	p := &Package{Name: f[0], Architecture: f[2]}
	p.Epoch, p.Version, p.Release = splitEVR(strings.TrimPrefix(f[1], "(none):"))
	err := checkEVR(p.EVR())
	switch {
	case !isName(p.Name):
		err = fmt.Errorf("%.60q is no name of a package", p.Name)
	case !isName(p.Architecture):
		err = fmt.Errorf("%.60q is no architecture", p.Architecture)
	case err == nil && p.Release == "":
		err = fmt.Errorf("the version %.60q has no release", f[1])
	}
	return p, err
}

// note adds a line about a package to it.
func (p *Package) note(kind, text string) error {
	if p == nil {
		return fmt.Errorf("%q is before any package", kind+" "+text)
	}
	p.known = true
	if kind == "file" {
		if !isPath(text) {
			return fmt.Errorf("%.100q is no path of a file", text)
		}
		p.Files = append(p.Files, text)
		return nil
	}
	r, err := parseRelation(text)
	if err != nil {
		return err
	}
	switch kind {
	case "provides":
		p.Provides = append(p.Provides, r)
	case "requires":
		p.Requires = append(p.Requires, r)
	case "conflicts":
		p.Conflicts = append(p.Conflicts, r)
	case "obsoletes":
		p.Obsoletes = append(p.Obsoletes, r)
	}
	return nil
}

// parseRelation reads "name", "name >= version" or a whole rich dependency.
func parseRelation(text string) (Relation, error) {
	if strings.HasPrefix(text, "(") {
		return Relation{Name: text}, nil
	}
	f := strings.Fields(text)
	if len(f) == 1 {
		return Relation{Name: f[0]}, nil
	}
	if len(f) == 3 {
		if op, ok := operator(f[1]); ok {
			r := Relation{Name: f[0], Op: op, Version: f[2]}
			return r, r.check()
		}
	}
	return Relation{}, fmt.Errorf("%.100q is neither a name nor a name, a comparison and a version", text)
}
