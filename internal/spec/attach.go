package spec

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"

	"github.com/satchel-kit/satchel/internal/manifest"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// ImageFile is one file of a derived image.
type ImageFile struct {
	// Path is absolute in the image.
	Path string
	// Mode are its permission bits.
	Mode int64
	Data []byte
}

// attachLimit is how much one manifest, or the files of one derived image, may have
// in bytes: they are kept in memory.
const attachLimit = 64 << 20

// attached reads the files beside the spec that its fields name, and reports what
// is wrong with them at the field or in the file.
type attached struct {
	root     *os.Root
	dir      string
	user     cue.Value
	problems Problems
	// sums are the checksums of everything read, by the field and path that asked.
	sums []string
}

// attach reads the user's manifests, the files of derived images, and the keys and
// baselines of packages.
func attach(ctx *cue.Context, s *Spec, user cue.Value) error {
	in := s.Cluster
	if len(in.Manifests) == 0 && len(in.DerivedImages) == 0 && len(in.Packages.Systems) == 0 {
		return nil
	}
	var apis []manifest.API
	if len(in.Manifests) > 0 {
		var err error
		if apis, err = knownAPIs(ctx); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return fmt.Errorf("opening the spec's directory: %w", err)
	}
	defer root.Close()
	a := &attached{root: root, dir: s.Dir, user: user}
	for i, name := range in.Manifests {
		a.manifests(s, []string{"manifests", strconv.Itoa(i)}, name, apis)
	}
	s.ImageFiles = map[string][]ImageFile{}
	for _, name := range slices.Sorted(maps.Keys(in.DerivedImages)) {
		s.ImageFiles[name] = a.image(name, in.DerivedImages[name])
	}
	s.PackageFiles = a.packages(in.Packages.Systems)
	if len(a.problems) > 0 {
		a.problems.sort()
		return a.problems
	}
	s.attachments = a.sums
	return nil
}

// manifests reads a file, or every manifest of a directory in the order of names.
func (a *attached) manifests(s *Spec, field []string, name string, apis []manifest.API) {
	files, err := a.list(name, func(file string) bool {
		return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(file))
	})
	if err == nil && len(files) == 0 {
		err = errors.New("there is no manifest in it, a file ending in .yaml, .yml or .json")
	}
	if err != nil {
		a.wrong(field, name, err)
		return
	}
	for _, file := range files {
		text, err := a.read(file)
		if err != nil {
			a.wrong(field, name, err)
			continue
		}
		shown := shortPath(filepath.Join(a.dir, file))
		f, problems := manifest.Parse(shown, text)
		if f != nil {
			problems = append(problems, f.Check(s.Cluster.Kubernetes.Version, apis)...)
			problems = append(problems, ported(f, s.Cluster.Registry.Mode)...)
			for _, d := range f.Documents {
				if d.GenerateName != "" {
					problems = append(problems, manifest.Problem{
						File: shown, Line: d.Line, Column: 1,
						Message: "metadata.generateName cannot be applied again and again; give it a metadata.name",
					})
				}
			}
		}
		for _, p := range problems {
			a.problems = append(a.problems, Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Message})
		}
		a.note("manifest", file, text)
		s.Manifests = append(s.Manifests, Manifest{Path: file, File: f})
	}
}

// ported are images whose host has a port: the hosts' registry keeps images by their
// upstream host, and no repository has a port in its name.
func ported(f *manifest.File, mode string) []manifest.Problem {
	if mode == "preload" {
		return nil
	}
	var problems []manifest.Problem
	for _, i := range f.Images {
		if host, _, _ := strings.Cut(i.Name, "/"); strings.Contains(host, ":") {
			problems = append(problems, manifest.Problem{
				File: f.Path, Line: i.Line, Column: i.Column,
				Message: fmt.Sprintf("the image %s has a port in its name, which the hosts' registry cannot keep; write it without, and name %s in the spec's sources", i.Written, host),
			})
		}
	}
	return problems
}

// image reads the files of one derived image, sorted by path.
func (a *attached) image(name string, in v1.DerivedImage) []ImageFile {
	var list []ImageFile
	total := 0
	for _, to := range slices.Sorted(maps.Keys(in.Files)) {
		f := in.Files[to]
		field := []string{"derivedImages", name, "files", to}
		var mode int64
		if f.Mode != "" {
			mode, _ = strconv.ParseInt(f.Mode, 8, 64) // the schema lets octal digits through
		}
		if f.Source == "" {
			list = append(list, ImageFile{Path: to, Mode: orMode(mode, 0o644), Data: []byte(WithNewline(f.Text))})
			continue
		}
		files, err := a.list(f.Source, func(string) bool { return true })
		if err != nil {
			a.wrong(append(field, "source"), f.Source, err)
			continue
		}
		for _, file := range files {
			data, err := a.read(file)
			if total += len(data); err == nil && total > attachLimit {
				err = fmt.Errorf("the image's files have more than %d MiB; put such content into its base", attachLimit>>20)
			}
			if err != nil {
				a.wrong(append(field, "source"), f.Source, err)
				break
			}
			inside := path.Join(to, strings.TrimPrefix(file, f.Source))
			own := int64(0o644)
			if info, err := a.root.Stat(file); err == nil && info.Mode()&0o100 != 0 {
				own = 0o755
			}
			list = append(list, ImageFile{Path: inside, Mode: orMode(mode, own), Data: data})
			a.note(name, inside, data)
		}
	}
	slices.SortFunc(list, func(a, b ImageFile) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// packages reads the keys and baselines of all systems. One key may be that of several
// repositories.
func (a *attached) packages(systems map[string]v1.PackageSystem) map[string][]byte {
	files := map[string][]byte{}
	read := func(name string, isKey bool, field ...string) {
		if _, known := files[name]; known {
			return
		}
		if _, err := a.root.Stat(name); errors.Is(err, fs.ErrNotExist) {
			a.wrong(field, name, errors.New("there is no such file beside the spec"))
			return
		}
		data, err := a.read(name)
		switch {
		case err == nil && len(data) == 0:
			err = errors.New("it is empty")
		case err == nil && isKey && !bytes.Contains(data, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")):
			err = errors.New("there is no ASCII-armored OpenPGP key in it; gpg --export --armor writes one")
		case err == nil && isKey && bytes.Contains(data, []byte("PRIVATE KEY BLOCK")):
			err = errors.New("there is a private key in it, and the file goes into the bundle; gpg --export --armor writes the public ones alone")
		}
		if err != nil {
			a.wrong(field, name, err)
			return
		}
		files[name] = data
		a.note("packages", name, data)
	}
	for _, system := range slices.Sorted(maps.Keys(systems)) {
		in := systems[system]
		at := []string{"packages", "systems", system}
		if in.Baseline != "minimal" {
			read(in.Baseline, false, append(slices.Clone(at), "baseline")...)
		}
		for _, repository := range slices.Sorted(maps.Keys(in.Repositories)) {
			for i, key := range in.Repositories[repository].Keys {
				read(key, true, append(slices.Clone(at), "repositories", repository, "keys", strconv.Itoa(i))...)
			}
		}
	}
	return files
}

// WithNewline is a text as a file holds it: CUE's multi-line strings end without one.
func WithNewline(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

func orMode(given, otherwise int64) int64 {
	if given == 0 {
		return otherwise
	}
	return given
}

// list is the file itself, or the regular files below a directory that are wanted,
// sorted. Hidden files are left out.
func (a *attached) list(name string, wanted func(string) bool) ([]string, error) {
	info, err := a.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file or directory beside the spec")
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	err = fs.WalkDir(a.root.FS(), name, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file != name && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a directory", file)
		case wanted(file):
			files = append(files, file)
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}

func (a *attached) read(name string) ([]byte, error) {
	f, err := a.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, attachLimit+1))
	if err == nil && len(data) > attachLimit {
		err = fmt.Errorf("it has more than %d MiB", attachLimit>>20)
	}
	return data, err
}

func (a *attached) wrong(field []string, given string, err error) {
	a.problems = append(a.problems, Problem{
		Path: strings.Join(field, "."), Message: fmt.Sprintf("%q: %v", given, err),
	}.at(place(a.user, field)))
}

func (a *attached) note(kind, name string, data []byte) {
	sum := sha256.Sum256(data)
	a.sums = append(a.sums, kind+" "+name+" "+hex.EncodeToString(sum[:]))
}
