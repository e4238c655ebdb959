package bundle

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

const added = "registry.k8s.io/pause:3.10"

// clone is an input whose lists may be changed.
func clone(in Input) Input {
	in.Tree = slices.Clone(in.Tree)
	in.Lock = &lock.Lock{Format: in.Lock.Format, Images: slices.Clone(in.Lock.Images), Files: slices.Clone(in.Lock.Files)}
	in.Programs = slices.Clone(in.Programs)
	return in
}

// next is the sample one version later: a text and a program are others, a file moved,
// one is new and one is gone, an image is new, and another has one more layer.
func next(t testing.TB, in Input) Input {
	t.Helper()
	in = clone(in)
	in.Meta.Version = "1.2.4"
	in.Tree[3] = render.File{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n# newer\n")}
	in.Tree = append(in.Tree, render.File{Path: "steps/10-new.sh", Mode: 0o755, Data: []byte("#!/bin/bash\n")})
	in.Programs = nil
	addProgram(t, &in, "bin/satchel-amd64", bytes.Repeat([]byte("newer "), 50_000))
	in.Lock.Files[0].Path = "files/amd64/elsewhere/kubeadm"
	in.Lock.Files = append(in.Lock.Files[:1:1], in.Lock.Files[2:]...)
	addFile(t, &in, "files/amd64/new", bytes.Repeat([]byte("fresh"), 30_000))
	// The same content at two places, here and at one of them before.
	copied := in.Lock.Files[0]
	copied.Path = "files/arm64/kubeadm"
	in.Lock.Files = append(in.Lock.Files, copied)
	addImage(t, &in, added, map[string]v1.Image{"linux/amd64": must(random.Image(40_000, 1))})
	return in
}

// after is the version after next.
func after(t testing.TB, in Input) Input {
	t.Helper()
	in = clone(in)
	in.Meta.Version = "1.2.5"
	in.Lock.Files[0].Path = "files/amd64/kubeadm"
	addFile(t, &in, "files/amd64/last", []byte("last"))
	return in
}

// lockFile sorts the input's lock, as one that satchel writes is, and saves it.
func lockFile(t testing.TB, in *Input) string {
	t.Helper()
	*in = clone(*in)
	slices.SortFunc(in.Lock.Images, func(a, b lock.Image) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(in.Lock.Files, func(a, b lock.File) int { return cmp.Compare(a.Path, b.Path) })
	return save(t, "satchel.lock", in.Lock.Bytes())
}

// since is the input as a delta.
func since(t testing.TB, in Input, old string) Input {
	t.Helper()
	base, err := OpenBase(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	in.Base = base
	return in
}

// tree has all that is below a directory: mode and content by path.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		all[rel] = st.Mode().String()
		if !d.IsDir() {
			all[rel] += " " + hexSum(must(os.ReadFile(path)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameTree(t testing.TB, got, want string) {
	t.Helper()
	g, w := tree(t, got), tree(t, want)
	for path := range maps.Keys(w) {
		if g[path] != w[path] {
			t.Errorf("%s is %q, should be %q", path, g[path], w[path])
		}
		delete(g, path)
	}
	for path := range g {
		t.Errorf("%s is there, and should not be", path)
	}
}

func merged(t testing.TB, paths ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := Merge(t.Context(), paths, dir, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

// untar is what tar makes of an archive, which of a delta no command of satchel does.
func untar(t testing.TB, path string) string {
	t.Helper()
	dir := t.TempDir()
	for _, r := range records(t, path) {
		to := filepath.Join(dir, r.Name)
		err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, r.data, 0o600), os.Chmod(to, fs.FileMode(r.Mode)))
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADeltaAndItsBaseGiveTheTreeOfTheWholeBundle(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	locked := lockFile(t, &in)
	old := build(t, in, "old.tar")
	oldZst, oldDir := build(t, in, "old.tar.zst"), unpacked(t, old)
	want := unpacked(t, build(t, newer, "new.tar"))
	for what, base := range map[string]string{
		"an archive": old, "a compressed one": oldZst, "a directory": oldDir, "bundle.json": filepath.Join(oldDir, manifestName),
		"a lock": locked,
	} {
		delta := since(t, newer, base)
		plain := build(t, delta, "delta.tar")
		if report, err := Verify(t.Context(), plain); err != nil || report.Err() != nil {
			t.Errorf("since %s: %v, %v", what, report.Err(), err)
		}
		for _, d := range []string{plain, build(t, delta, "delta.tar.zst"), untar(t, plain)} {
			for _, b := range []string{old, oldZst, oldDir} {
				sameTree(t, merged(t, b, d), want)
			}
		}
		reports, err := VerifyChain(t.Context(), []string{old, plain})
		if err != nil || len(reports) != 2 || reports[0].Err() != nil || reports[1].Err() != nil {
			t.Errorf("since %s: %v, %v", what, reports, err)
		}
	}
	if found := problems(t, want); len(found) > 0 {
		t.Error(found)
	}
}

func TestADeltaHasOnlyWhatItsBaseLacks(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	delta := build(t, since(t, newer, build(t, in, "old.tar")), "delta.tar")
	var contents []string
	for _, r := range records(t, delta) {
		if name, found := strings.CutPrefix(r.Name, blobsDir); found {
			contents = append(contents, "blob of "+imageOf(t, newer, name))
		} else if strings.HasPrefix(r.Name, filesDir) || strings.HasPrefix(r.Name, programsDir) {
			contents = append(contents, r.Name)
		}
	}
	slices.Sort(contents)
	// Of the image its layer, config and manifest are new, and the index that is made
	// here.
	want := []string{"bin/satchel-amd64", "blob of none", "blob of " + added, "blob of " + added, "blob of " + added, "files/amd64/new"}
	if !slices.Equal(contents, want) {
		t.Errorf("the delta has %q, want %q", contents, want)
	}
	s := must(Inspect(t.Context(), delta))
	whole := must(Inspect(t.Context(), build(t, newer, "new.tar")))
	if s.Total != whole.Total || s.Left == nil || s.Left.Files == 0 || s.Manifest.Since.Version != "1.2.3" || whole.Left != nil {
		t.Errorf("inspect says %+v, of the whole %+v", s, whole)
	}
}

func imageOf(t testing.TB, in Input, digits string) string {
	t.Helper()
	for _, image := range in.Lock.Images {
		for _, m := range image.Manifests {
			for _, blob := range append([]lock.Blob{m.Blob, m.Config}, m.Layers...) {
				if blob.Digest == "sha256:"+digits {
					return image.Name
				}
			}
		}
	}
	return "none"
}

func TestDeltasOfDeltas(t *testing.T) {
	first := sample(t)
	second := next(t, first)
	third := after(t, second)
	a := build(t, first, "a.tar")
	ab := build(t, since(t, second, a), "ab.tar")
	b := merged(t, a, ab)
	bc := build(t, since(t, third, ab), "bc.tar.zst")
	want := unpacked(t, build(t, third, "c.tar"))
	if other := build(t, since(t, third, b), "bc.tar.zst"); !bytes.Equal(must(os.ReadFile(bc)), must(os.ReadFile(other))) {
		t.Error("a delta since a delta is not the one since what that leads to")
	}
	sameTree(t, merged(t, a, ab, bc), want)
	sameTree(t, merged(t, b, bc), want)
	for i, r := range must(VerifyChain(t.Context(), []string{a, ab, bc})) {
		if r.Err() != nil {
			t.Errorf("report %d: %v", i, r.Err())
		}
	}
	err := Merge(t.Context(), []string{a, bc}, filepath.Join(t.TempDir(), "x"), "")
	wantError(t, err, "a delta of lab 1.2.4 (bundle.json sha256:", "is lab 1.2.3", "lacks 6:", "files/amd64/new", added)
	err = Merge(t.Context(), []string{a, bc, ab}, filepath.Join(t.TempDir(), "x"), "")
	wantError(t, err, "a delta of lab 1.2.4")
}

func TestADeltaOfTheSameBundleIsSmall(t *testing.T) {
	in := typicalDelta(t, sample(t))
	old := build(t, in, "old.tar")
	delta := build(t, since(t, in, old), "delta.tar")
	if size := must(os.Stat(delta)).Size(); size > 64<<10 {
		t.Errorf("it has %d bytes", size)
	}
	sameTree(t, merged(t, old, delta), unpacked(t, old))
}

// typicalDelta adds 4 MiB that compress badly.
func typicalDelta(t testing.TB, in Input) Input {
	t.Helper()
	in = clone(in)
	layer := must(random.Layer(4*mib, types.DockerLayer))
	addImage(t, &in, fmt.Sprintf("registry.example/added%d", len(in.Lock.Images)), map[string]v1.Image{"linux/amd64": must(mutate.AppendLayers(ociImage(), layer))})
	return in
}

func TestADeltaIsHardlyLargerThanWhatIsNew(t *testing.T) {
	in := sample(t)
	old := build(t, in, "old.tar")
	newer := typicalDelta(t, in)
	layers := newer.Lock.Images[len(newer.Lock.Images)-1].Manifests[0].Layers
	fresh := layers[0].Size + layers[1].Size
	for _, name := range []string{"delta.tar", "delta.tar.zst", "delta.tar.gz"} {
		size := must(os.Stat(build(t, since(t, newer, old), name))).Size()
		if size > fresh*102/100 {
			t.Errorf("%s has %d bytes for %d that are new", name, size, fresh)
		}
	}
}

// TestABaseNeedsNoMoreThanTheDeltaTakes promises that a delta can be merged on a host
// that has its own part of the bundle, in use.
func TestABaseNeedsNoMoreThanTheDeltaTakes(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	old := build(t, in, "old.tar")
	part := filepath.Join(t.TempDir(), "part")
	if err := Unpack(t.Context(), old, part, "worker1"); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(os.WriteFile(filepath.Join(part, "install.log"), []byte("x"), 0o600), os.Chmod(filepath.Join(part, "files/amd64/kubeadm"), 0o755),
		os.Remove(filepath.Join(part, "files/amd64/cni.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	delta := build(t, since(t, newer, part), "delta.tar")
	sameTree(t, merged(t, part, delta), unpacked(t, build(t, newer, "new.tar")))

	if err := os.Remove(filepath.Join(part, "files/amd64/kubeadm")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err = Merge(t.Context(), []string{part, delta}, filepath.Join(dir, "x"), "")
	wantError(t, err, part, "lacks 1 files", "sha256:"+in.Lock.Files[0].SHA256+" files/amd64/kubeadm")
	if left := listDir(t, dir); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestADeltaForOneHost(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	old := build(t, in, "old.tar")
	delta := build(t, since(t, newer, old), "delta.tar")
	dir, want := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	if err := Merge(t.Context(), []string{old, delta}, dir, "worker1"); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), build(t, newer, "new.tar"), want, "worker1"); err != nil {
		t.Fatal(err)
	}
	sameTree(t, dir, want)
	wantError(t, Merge(t.Context(), []string{old, delta}, dir+"2", "nobody"), `"nobody"`)
}

func TestADeltaAloneIsNoBundle(t *testing.T) {
	in := sample(t)
	old := build(t, in, "old.tar")
	delta := build(t, since(t, next(t, in), old), "delta.tar")
	dir := filepath.Join(t.TempDir(), "x")
	wantError(t, Unpack(t.Context(), delta, dir, ""), delta, "is a delta", "before it", "lab 1.2.3 (bundle.json sha256:")
	_, err := OpenReader(t.Context(), delta)
	wantError(t, err, "is a delta of lab 1.2.3", "satchel unpack OLD")
	wantError(t, Merge(t.Context(), []string{delta, delta}, dir, ""), "is a delta")
	wantError(t, Merge(t.Context(), []string{old, old}, dir, ""), "no delta")
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestAWrongBaseIsNamedWithAllThatItLacks(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	flannelLayer := in.Lock.Images[0].Manifests[0].Layers[2].Digest
	locked := lockFile(t, &in)
	delta := build(t, since(t, newer, build(t, in, "old.tar")), "delta.tar")
	other := clone(in)
	other.Lock.Images = slices.DeleteFunc(other.Lock.Images, func(i lock.Image) bool { return i.Name == flannel })
	other.Meta.Name = "other"
	wrong := build(t, other, "wrong.tar")
	err := Merge(t.Context(), []string{wrong, delta}, filepath.Join(t.TempDir(), "x"), "")
	wantError(t, err, "a delta of lab 1.2.3 (bundle.json sha256:", "is other 1.2.3", "lacks", flannelLayer+" of image "+flannel)
	reports := must(VerifyChain(t.Context(), []string{wrong, delta}))
	wantError(t, reports[1].Err(), "a delta of lab 1.2.3", flannelLayer)

	// What has all contents is not what was asked for either.
	same := clone(in)
	same.Meta.Name = "same"
	err = Merge(t.Context(), []string{build(t, same, "same.tar"), delta}, filepath.Join(t.TempDir(), "x"), "")
	wantError(t, err, "a delta of lab 1.2.3", "is same 1.2.3")

	// Of a lock, any bundle will do that has it.
	byLock := build(t, since(t, newer, locked), "delta.tar")
	sameTree(t, merged(t, build(t, same, "same.tar"), byLock), unpacked(t, build(t, newer, "new.tar")))
	err = Merge(t.Context(), []string{wrong, byLock}, filepath.Join(t.TempDir(), "x"), "")
	wantError(t, err, "a bundle with lock "+in.Lock.Digest(), "lock "+other.Lock.Digest(), flannelLayer)
}

func TestDamageOfTheBaseIsFoundWhereItMatters(t *testing.T) {
	in := sample(t)
	old := build(t, in, "old.tar")
	delta := build(t, since(t, next(t, in), old), "delta.tar")
	all := records(t, old)
	all[find(t, all, "files/amd64/kubeadm")].data[77] ^= 1
	dir := t.TempDir()
	damaged := saveRecords(t, all)
	err := Merge(t.Context(), []string{damaged, delta}, filepath.Join(dir, "x"), "")
	wantError(t, err, `"files/amd64/kubeadm"`, damaged, "other content")
	if left := must(os.ReadDir(dir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	all = records(t, old)
	all[find(t, all, "install.sh")].data[3] ^= 1
	merged(t, saveRecords(t, all), delta) // the delta has its own
}

func TestHostileDeltas(t *testing.T) {
	in := sample(t)
	old := build(t, in, "old.tar")
	good := build(t, since(t, next(t, in), old), "delta.tar")
	edit := func(change func(m *Manifest)) string {
		all := records(t, good)
		m := must(decodeManifest(all[0].data))
		change(m)
		all[0].data = must(m.encode())
		all[1].data = sums(m.whole().Files, must(m.whole().encode()))
		return saveRecords(t, all)
	}
	file := func(m *Manifest, path string) *File {
		return &m.Files[slices.IndexFunc(m.Files, func(f File) bool { return f.Path == path })]
	}
	const moved = "files/amd64/elsewhere/kubeadm"
	for what, test := range map[string]struct{ path, want string }{
		"a base file of another size": {edit(func(m *Manifest) { file(m, moved).Size++ }), "there it has 1600000"},
		"a base file of no size":      {edit(func(m *Manifest) { file(m, moved).Size = 0 }), "there it has 1600000"},
		"a base file that is none":    {edit(func(m *Manifest) { file(m, moved).SHA256 = strings.Repeat("0", 64) }), "lacks 1"},
		"a path that leaves":          {edit(func(m *Manifest) { file(m, moved).Path = "../x" }), "clean relative path"},
		"a path twice":                {edit(func(m *Manifest) { file(m, "files/amd64/new").Path = moved }), "there twice"},
		"a file below a file": {edit(func(m *Manifest) {
			file(m, moved).Path = "files/amd64/elsewhere"
			file(m, "files/amd64/new").Path = "files/amd64/elsewhere/new"
		}), ""},
		"what is packed, left to it":    {edit(func(m *Manifest) { file(m, "files/amd64/new").Base = true }), "lacks 1"},
		"what is left to it, packed":    {edit(func(m *Manifest) { file(m, moved).Base = false }), "missing"},
		"a text left to the base":       {edit(func(m *Manifest) { file(m, "install.sh").Base = true }), "lacks 1"},
		"no delta that leaves files":    {edit(func(m *Manifest) { m.Since = nil }), "no delta"},
		"since of no digest":            {edit(func(m *Manifest) { m.Since.Bundle = "sha256:x" }), "since: "},
		"since of both kinds":           {edit(func(m *Manifest) { m.Since.Lock = m.Lock }), "not one of them"},
		"since without a name":          {edit(func(m *Manifest) { m.Since.Name = "" }), "must not be empty"},
		"since that hides in a message": {edit(func(m *Manifest) { m.Since.Name = "a\x1b[2Jb" }), "control character"},
		"another bundle":                {edit(func(m *Manifest) { m.Since.Bundle = m.Lock }), "is a delta of lab 1.2.3 (bundle.json "},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			wantError(t, Merge(t.Context(), []string{old, test.path}, filepath.Join(dir, "x"), ""), test.want)
			if left := must(os.ReadDir(dir)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if reports, err := VerifyChain(t.Context(), []string{old, test.path}); err == nil && reports[0].Err() == nil && reports[1].Err() == nil {
				t.Error("verify finds nothing")
			}
		})
	}
}

func TestADeltaWithMoreThanItListsIsNamed(t *testing.T) {
	in := sample(t)
	old := build(t, in, "old.tar")
	all := records(t, build(t, since(t, next(t, in), old), "delta.tar"))
	kubeadm := records(t, old)
	smuggled := kubeadm[find(t, kubeadm, "files/amd64/kubeadm")]
	smuggled.Name = "files/amd64/elsewhere/kubeadm"
	path := saveRecords(t, append(all, smuggled))
	wantError(t, must(Verify(t.Context(), path)).Err(), "leaves it to the base")
	wantError(t, Merge(t.Context(), []string{old, path}, filepath.Join(t.TempDir(), "x"), ""), "is not in bundle.json")
}

func TestASignatureOfADeltaIsThatOfTheBundle(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	old := build(t, in, "old.tar")
	all := records(t, build(t, since(t, newer, old), "delta.tar"))
	path := saveRecords(t, slices.Insert(all, 2, extra(signatureName)))
	dir := merged(t, old, path)
	whole := records(t, build(t, newer, "new.tar"))
	if string(must(os.ReadFile(filepath.Join(dir, signatureName)))) != "x" || !bytes.Equal(must(os.ReadFile(filepath.Join(dir, sumsName))), whole[1].data) || !bytes.Equal(all[1].data, whole[1].data) {
		t.Error("the merged bundle has another SHA256SUMS or signature")
	}
}

func TestABaseThatIsNone(t *testing.T) {
	for what, test := range map[string]struct{ path, want string }{
		"nothing":       {filepath.Join(t.TempDir(), "none"), "no such file"},
		"a directory":   {t.TempDir(), "no bundle.json"},
		"a JSON file":   {save(t, "x.json", []byte(`{"a":1}`)), "format 0"},
		"a broken lock": {save(t, "satchel.lock", []byte(`{"lock":1,"images":3}`)), "satchel.lock:1:"},
		"a text":        {save(t, "x", []byte("text")), "x"},
		"an empty file": {save(t, "x", nil), "x"},
	} {
		_, err := OpenBase(t.Context(), test.path)
		if what == "a JSON file" {
			test.want = "bundle.json"
		}
		wantError(t, err, "opening base", test.want)
	}
}

// TestADeltaNeedsNothingThatItLeaves promises that a machine whose cache is empty can
// make a delta from what is new.
func TestADeltaNeedsNothingThatItLeaves(t *testing.T) {
	in := sample(t)
	newer := next(t, in)
	delta := since(t, newer, build(t, in, "old.tar"))
	want := must(os.ReadFile(build(t, delta, "delta.tar")))
	lacking := delta.Base.Lacking(newer.Lock)
	needed := map[string]bool{}
	for _, item := range lacking.Blobs() {
		needed[item.Digest] = true
	}
	if len(needed) != 4 || len(lacking.Files) != 1 {
		t.Errorf("%d contents and %d files are lacking: %v", len(needed), len(lacking.Files), needed)
	}
	delta.Cache = openCache(t)
	for digest := range needed {
		f := must(newer.Cache.Get(digest))
		if err := delta.Cache.Put(digest, must(os.ReadFile(f.Name()))); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if got := must(os.ReadFile(build(t, delta, "delta.tar"))); !bytes.Equal(got, want) {
		t.Error("other bytes")
	}
	if (*Base)(nil).Lacking(newer.Lock) != newer.Lock {
		t.Error("without a base less than the lock is needed")
	}
}

func TestAnImageThatSatchelMakesIsNeededAsAWhole(t *testing.T) {
	in := sample(t)
	base := since(t, in, build(t, in, "old.tar")).Base
	l := clone(in).Lock
	l.Images[0].From = &lock.From{Base: "x"}
	if got := base.Lacking(l).Images[0]; len(got.Manifests) != 0 {
		t.Errorf("the base has all of it, and it needs %v", got.Manifests)
	}
	m := l.Images[0].Manifests[0]
	m.Layers = append(slices.Clone(m.Layers), lock.Blob{Digest: digestOf([]byte("new")), Size: 3})
	l.Images[0].Manifests = []lock.Manifest{m}
	if got := base.Lacking(l).Images[0]; len(got.Manifests[0].Layers) != len(m.Layers) {
		t.Errorf("it needs only %v", got.Manifests[0].Layers)
	}
}

func TestMergingEndsWithTheContext(t *testing.T) {
	in := sample(t)
	old := build(t, in, "old.tar")
	delta := build(t, since(t, next(t, in), old), "delta.tar")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if err := Merge(ctx, []string{old, delta}, filepath.Join(dir, "x"), ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left := must(os.ReadDir(dir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAFullDiskWhileMergingLeavesNothing(t *testing.T) {
	in := sample(t) // has 2.4 MB
	old := build(t, in, "old.tar")
	newer := typicalDelta(t, in)
	delta := build(t, since(t, newer, old), "delta.tar")
	dir := smallDisk(t)
	wantError(t, Merge(t.Context(), []string{old, delta}, filepath.Join(dir, "x"), ""), "no space left", "needed in", dir)
	wantError(t, Write(t.Context(), filepath.Join(dir, "d.tar"), since(t, newer, old), nil), "no space left", "needed in", dir)
	if left := listDir(t, dir); left != nil {
		t.Errorf("left behind: %q", left)
	}
}
