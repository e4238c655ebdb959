package side

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A text of a bundle is written by satchel, and small; these bounds are far above, so
// that a hostile bundle or tree cannot take all memory.
const (
	maxText  = 64 << 20
	maxTexts = 1 << 30
)

// readTree reads a rendered tree.
func (s *Side) readTree(dir string, seen *texts) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening the tree %s: %w", s.Name, err)
	}
	defer root.Close()
	var sum int64
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file; a rendered tree has no others (satchel render writes it anew)", name)
		}
		if sum += info.Size(); info.Size() > maxText || sum > maxTexts {
			return fmt.Errorf("%s is too large for a rendered tree", name)
		}
		data, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		s.Texts[name] = Text{Data: seen.keep(data), Exec: info.Mode()&0o100 != 0}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the tree %s: %w", s.Name, err)
	}
	s.Has.Texts = true
	env := ParseEnv(s.anyEnv())
	s.Cluster, s.Version = env["CLUSTER_NAME"], env["BUNDLE_VERSION"]
	return nil
}

// readAll reads a text that should have a certain size.
func readAll(open func() (io.ReadCloser, error), size int64) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, size+1))
}
