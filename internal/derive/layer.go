package derive

import (
	"archive/tar"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/satchel-kit/satchel/internal/plan"
)

// dirModes are the directories that have not 0755 in any base.
var dirModes = map[string]int64{"/root": 0o700, "/tmp": 0o1777, "/var/tmp": 0o1777}

// newLayer makes the layer of files and names its tar, which is what configs list
// (https://github.com/opencontainers/image-spec/blob/main/layer.md). It has the
// files' directories too: where a layer has a file without its directory, Docker
// 20.10 makes one with the mode that its umask happens to leave, even if the base
// has it. What lies below a directory of the base stays there.
func newLayer(files []plan.RecipeFile) (layer Blob, diffID string, err error) {
	headers := map[string]*tar.Header{}
	data := map[string][]byte{}
	for _, f := range files {
		headers[f.Path] = &tar.Header{Typeflag: tar.TypeReg, Name: f.Path[1:], Mode: f.Mode, Size: int64(len(f.Data))}
		data[f.Path] = f.Data
		for _, dir := range parents(f.Path) {
			headers[dir] = &tar.Header{Typeflag: tar.TypeDir, Name: dir[1:] + "/", Mode: cmp.Or(dirModes[dir], 0o755)}
		}
	}
	sum, packed := sha256.New(), newStoredWriter()
	w := tar.NewWriter(io.MultiWriter(sum, packed))
	for _, name := range slices.Sorted(maps.Keys(headers)) { // a directory sorts before what it has
		h := headers[name]
		// With no fractions of seconds and no owner's name the format depends on
		// the path alone: USTAR where it fits, else PAX.
		h.ModTime = time.Unix(0, 0)
		if err := w.WriteHeader(h); err != nil {
			return Blob{}, "", err
		}
		if _, err := w.Write(data[name]); err != nil {
			return Blob{}, "", err
		}
	}
	if err := w.Close(); err != nil {
		return Blob{}, "", err
	}
	return newBlob(packed.finish()), fmt.Sprintf("sha256:%x", sum.Sum(nil)), nil
}

// parents are the directories above a path, without the root, the nearest first.
func parents(p string) []string {
	var dirs []string
	for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

func sortedFiles(files []plan.RecipeFile) []plan.RecipeFile {
	return slices.SortedFunc(slices.Values(files), func(a, b plan.RecipeFile) int { return cmp.Compare(a.Path, b.Path) })
}
