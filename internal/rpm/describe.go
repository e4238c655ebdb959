package rpm

import (
	"fmt"
	"strconv"
	"strings"
)

// Tags of the main header (rpmtag.h).
const (
	tagName, tagVersion, tagRelease, tagEpoch          = 1000, 1001, 1002, 1003
	tagSummary, tagDescription, tagBuildTime           = 1004, 1005, 1006
	tagBuildHost, tagSize, tagVendor, tagLicense       = 1007, 1009, 1011, 1014
	tagPackager, tagGroup, tagURL, tagArch             = 1015, 1016, 1020, 1022
	tagFileModes, tagFileFlags, tagSourceRPM           = 1030, 1037, 1044
	tagArchiveSize, tagDirIndexes, tagBaseNames        = 1046, 1116, 1117
	tagDirNames, tagLongArchiveSize, tagLongSize       = 1118, 271, 5009
	tagSourcePackage, tagPayloadDigest, tagPayloadAlgo = 1106, 5092, 5093
	// In the header of signatures.
	tagHeaderDSA, tagHeaderRSA, tagHeaderSHA256 = 267, 268, 273
	tagAllPGP, tagAllGPG, tagPayloadSize        = 1002, 1005, 1007
)

// fields are the relations of a header and of a primary.xml, in its order. The tags are of
// names, flags and versions.
var fields = []struct {
	name                  string
	names, flags, version int32
}{
	{"provides", 1047, 1112, 1113},
	{"requires", 1049, 1048, 1050},
	{"conflicts", 1054, 1053, 1055},
	{"obsoletes", 1090, 1114, 1115},
	{"suggests", 5049, 5051, 5050},
	{"enhances", 5055, 5057, 5056},
	{"recommends", 5046, 5048, 5047},
	{"supplements", 5052, 5054, 5053},
}

// Flags of a relation.
const (
	senseLess, senseGreater, senseEqual = 1 << 1, 1 << 2, 1 << 3
	// sensePre are those of what has to be there before the package is installed.
	sensePre = 1<<6 | 1<<9 | 1<<10
)

// described is a package as its own header describes it.
type described struct {
	Package
	summary, description, packager, url       string
	license, vendor, group, buildHost, srcRPM string
	built, installed, archive                 uint64
	start, end                                int64
	relations                                 map[string][]entry
	files                                     []listed
}

// entry is a relation with the words of the index.
type entry struct {
	name, flags, epoch, version, release string
	pre                                  bool
}

// listed is a file of a package, whose kind is "", "dir" or "ghost".
type listed struct{ path, kind string }

// describe reads what the indexes say of a package.
func (f *rpmFile) describe() (*described, error) {
	d := &described{start: f.start, end: f.end, relations: map[string][]entry{}}
	h := f.main
	var err error
	for id, to := range map[int32]*string{
		tagName: &d.Name, tagVersion: &d.Version, tagRelease: &d.Release, tagArch: &d.Architecture, tagSummary: &d.summary,
		tagDescription: &d.description, tagPackager: &d.packager, tagURL: &d.url, tagLicense: &d.license, tagVendor: &d.vendor,
		tagGroup: &d.group, tagBuildHost: &d.buildHost, tagSourceRPM: &d.srcRPM,
	} {
		if *to, err = h.text(id); err != nil {
			return nil, err
		}
	}
	if err := d.numbers(f); err != nil {
		return nil, err
	}
	if err := d.check(h); err != nil {
		return nil, err
	}
	for _, one := range fields {
		if d.relations[one.name], err = h.relations(one.names, one.flags, one.version, one.name == "requires"); err != nil {
			return nil, fmt.Errorf("what it %s: %w", one.name, err)
		}
	}
	d.files, err = h.files()
	return d, err
}

func (d *described) numbers(f *rpmFile) error {
	epoch, err := f.main.number(tagEpoch)
	if err != nil {
		return err
	}
	d.Epoch = strconv.FormatUint(epoch, 10)
	if d.built, err = f.main.number(tagBuildTime); err != nil {
		return err
	}
	if d.installed, err = f.main.number(tagLongSize, tagSize); err != nil {
		return err
	}
	d.archive, err = f.signatures.number(tagLongArchiveSize, tagPayloadSize)
	if err == nil && d.archive == 0 {
		d.archive, err = f.main.number(tagLongArchiveSize, tagArchiveSize)
	}
	return err
}

// check refuses what is no package of a host.
func (d *described) check(h header) error {
	if h.has(tagSourcePackage) || d.srcRPM == "" {
		return fmt.Errorf("%.60q is a source package, which cannot be installed", d.Name)
	}
	if !isName(d.Name) || !isName(d.Architecture) {
		return fmt.Errorf("its name %.60q or its architecture %.30q is none", d.Name, d.Architecture)
	}
	if d.Release == "" {
		return fmt.Errorf("its version %.60q has no release", d.Version)
	}
	return checkEVR(d.EVR())
}

// relations are those of a field, each once. Those about rpm itself are not in indexes.
func (h header) relations(names, flags, versions int32, requires bool) ([]entry, error) {
	n, err := h.strings(names)
	if err != nil || len(n) == 0 {
		return nil, err
	}
	f, err := h.numbers(flags)
	if err != nil {
		return nil, err
	}
	v, err := h.strings(versions)
	if err != nil {
		return nil, err
	}
	if len(f) != len(n) || len(v) != len(n) {
		return nil, fmt.Errorf("there are %d names, %d flags and %d versions", len(n), len(f), len(v))
	}
	var list []entry
	seen := map[entry]int{}
	for i := range n {
		if strings.HasPrefix(n[i], "rpmlib(") {
			continue
		}
		e := newEntry(n[i], f[i], v[i])
		pre := requires && f[i]&sensePre != 0
		if at, twice := seen[e]; twice {
			list[at].pre = list[at].pre || pre
			continue
		}
		seen[e] = len(list)
		e.pre = pre
		list = append(list, e)
	}
	return list, nil
}

func newEntry(name string, flags uint64, evr string) entry {
	e := entry{name: strings.ToValidUTF8(name, "\uFFFD")}
	word := map[uint64]string{senseLess: "LT", senseLess | senseEqual: "LE", senseEqual: "EQ", senseGreater | senseEqual: "GE", senseGreater: "GT"}
	e.flags = word[flags&(senseLess|senseGreater|senseEqual)]
	if e.flags != "" && evr != "" {
		e.epoch, e.version, e.release = splitEVR(strings.ToValidUTF8(evr, "\uFFFD"))
	} else {
		e.flags = ""
	}
	return e
}

const (
	modeKind, modeDir = 0o170000, 0o040000
	flagGhost         = 1 << 6
)

// files are those of the package, in the order of its header.
func (h header) files() ([]listed, error) {
	names, err := h.strings(tagBaseNames)
	if err != nil {
		return nil, err
	}
	dirs, err := h.strings(tagDirNames)
	if err != nil {
		return nil, err
	}
	indexes, err := h.numbers(tagDirIndexes)
	if err != nil {
		return nil, err
	}
	modes, err := h.numbers(tagFileModes)
	if err != nil {
		return nil, err
	}
	flags, err := h.numbers(tagFileFlags)
	if err != nil {
		return nil, err
	}
	if len(indexes) != len(names) || len(modes) != len(names) || len(flags) != len(names) {
		return nil, fmt.Errorf("its files: there are %d names, %d directories, %d modes and %d flags", len(names), len(indexes), len(modes), len(flags))
	}
	list := make([]listed, len(names))
	for i, name := range names {
		if indexes[i] >= uint64(len(dirs)) {
			return nil, fmt.Errorf("its files: %.60q is in the directory %d of %d", name, indexes[i], len(dirs))
		}
		list[i].path = strings.ToValidUTF8(dirs[indexes[i]]+name, "\uFFFD")
		switch {
		case modes[i]&modeKind == modeDir:
			list[i].kind = "dir"
		case flags[i]&flagGhost != 0:
			list[i].kind = "ghost"
		}
	}
	return list, nil
}
