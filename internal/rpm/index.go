package rpm

import (
	"fmt"
	"strings"
	"sync"
)

// Index is what a repository has for one architecture. It does not change any more,
// so that many may read it at once.
type Index struct {
	// Repository is the URL, for messages, and what files are relative to.
	Repository string
	Arch       string
	// Release is what the repository says of itself.
	Release Release

	packages []*Package
	byName   map[string][]int32
	provided map[string][]int32
	files    map[string][]int32
	// byID finds packages by their checksum, as filelists.xml names them.
	byID map[string]int32
	// paths are the files that packages need and that primary.xml does not list.
	paths map[string]bool
	// core are the packages of the smallest group of a distribution.
	core []string
	// modules are those that the repository has, by "name:stream".
	modules  []module
	enabled  []string
	hotfixes bool

	words map[string]string // equal texts are kept once, while the index is read
	lists fileLists
}

// Release is what a repository says of itself.
type Release struct {
	URL string
	// Revision is the repository's own word for its state, mostly a time.
	Revision string
	// SHA256 is that of repomd.xml, which names all else by its checksum.
	SHA256 string
	// SignedBy are the fingerprints of the keys whose signatures are good. There are none if
	// the signature was not asked for.
	SignedBy []string
}

// fileLists are files that were looked up in filelists.xml.
type fileLists struct {
	lock sync.Mutex
	read func(wanted map[string]bool) (map[string][]int32, error)
	// asked are the paths that were looked up, and owners the packages that have them.
	asked  map[string]bool
	owners map[string][]int32
}

func newIndex(repository, arch string) *Index {
	return &Index{Repository: repository, Arch: arch, byName: map[string][]int32{}, provided: map[string][]int32{},
		files: map[string][]int32{}, byID: map[string]int32{}, paths: map[string]bool{}, words: map[string]string{}}
}

// String names the repository.
func (x *Index) String() string { return x.Repository }

// Len is the number of packages.
func (x *Index) Len() int { return len(x.packages) }

// insert takes a package into the index. Those of other architectures are passed over,
// and so is what is there already.
func (x *Index) insert(p *Package, id string) {
	if !p.native(x.Arch) {
		return
	}
	for _, n := range x.byName[p.Name] {
		if o := x.packages[n]; o.EVR() == p.EVR() && o.Architecture == p.Architecture {
			return
		}
	}
	n := int32(len(x.packages))
	x.packages = append(x.packages, p)
	x.byName[p.Name] = append(x.byName[p.Name], n)
	x.byID[id] = n
	for _, r := range p.Provides {
		if list := x.provided[r.Name]; len(list) == 0 || list[len(list)-1] != n {
			x.provided[r.Name] = append(list, n)
		}
	}
	for _, f := range p.Files {
		x.files[f] = append(x.files[f], n)
	}
	for _, list := range [][]Relation{p.Requires, p.Conflicts} {
		for _, r := range list {
			x.notePaths(r)
		}
	}
}

// notePaths remembers the files of a relation that only filelists.xml has. What is wrong
// in a rich dependency is found when the package is asked for.
func (x *Index) notePaths(r Relation) {
	switch {
	case isPath(r.Name) && !inPrimary(r.Name):
		x.paths[r.Name] = true
	case r.isRich() && strings.Contains(r.Name, "/"):
		if c, err := parseCondition(r.Name); err == nil {
			c.relations(func(r Relation) {
				if isPath(r.Name) && !inPrimary(r.Name) {
					x.paths[r.Name] = true
				}
			})
		}
	}
}

// word keeps equal texts once.
func (x *Index) word(b []byte) string {
	if s, ok := x.words[string(b)]; ok {
		return s
	}
	s := string(b)
	x.words[s] = s
	return s
}

// owners are the packages that have the wanted files, as filelists.xml says. It is read
// at most once for the same files.
func (x *Index) owners(wanted map[string]bool) (map[string][]int32, error) {
	x.lists.lock.Lock()
	defer x.lists.lock.Unlock()
	missing := x.lists.asked == nil
	for w := range wanted {
		missing = missing || !x.lists.asked[w]
	}
	if !missing || x.lists.read == nil {
		return x.lists.owners, nil
	}
	owners, err := x.lists.read(wanted)
	if err != nil {
		return nil, fmt.Errorf("reading the file lists of %s: %w", x.Repository, err)
	}
	x.lists.asked, x.lists.owners = wanted, owners
	return owners, nil
}
