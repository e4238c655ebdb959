package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A build leaves a note in the cache about each output: what was packed into it, and
// which files the output consists of, by device, inode, size and the times of their last
// change. As long as all of that is the same, the next build of the same content need
// not pack, nor even read, gigabytes.
//
// The time that counts is the one of the inode (ctime): every write, truncation,
// renaming and setting of times sets it to the clock, and no program can set it to
// anything else. So the note says that nobody has written to the output since every
// byte of it was hashed on its way to the disk. It does not say that the disk still has
// the bytes, and it does not keep out who can set the clock, write to the disk below
// the file system, or write to the cache. Verify reads the bytes.
type stamp struct {
	Output string `json:"output"`
	Part   int64  `json:"part"`
	// Packed is a digest of all that is in the archive, in order.
	Packed string      `json:"packed"`
	Files  []fileStamp `json:"files"`
}

type fileStamp struct {
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Device   uint64 `json:"device"`
	Inode    uint64 `json:"inode"`
	Modified int64  `json:"modified"` // nanoseconds
	Changed  int64  `json:"changed"`
}

const (
	// stampFrom is the size below which an output is packed again as quickly as looked
	// at.
	stampFrom = 16 << 20
	// settling is longer than the clock of any kernel stands still: what changes a file
	// later than that gives it another time.
	settling = 20 * time.Millisecond
)

// Current tells whether the output is known to be the one that Write would make, and
// nothing has touched it since it was made. It costs no more than looking at the first
// entry.
func (d *Draft) Current(ctx context.Context, out Output) bool {
	path, err := filepath.Abs(out.Path)
	if err != nil || d.in.Cache == nil {
		return false
	}
	var s stamp
	if json.Unmarshal(d.in.Cache.Note(noteName(path)), &s) != nil || len(s.Files) == 0 {
		return false
	}
	if s.Output != path || s.Part != out.Part || s.Packed != d.packed() {
		return false
	}
	for _, was := range s.Files {
		is, ok := stampOf(was.Path)
		if !ok || is != was {
			return false
		}
	}
	there, err := open(ctx, out.Path)
	return err == nil && bytes.Equal(there.raw, d.items[0].data)
}

// remember leaves the note. Without it the next build packs again, so a failure is
// none.
func (d *Draft) remember(out Output, written []made) {
	path, err := filepath.Abs(out.Path)
	if err != nil || d.in.Cache == nil || d.Size() < stampFrom {
		return
	}
	time.Sleep(settling)
	s := stamp{Output: path, Part: out.Part, Packed: d.packed()}
	for _, m := range written {
		file, err := filepath.Abs(m.path)
		if err != nil {
			return
		}
		is, ok := stampOf(file)
		st, err := os.Lstat(file)
		if !ok || err != nil || !os.SameFile(st, m.info) || st.Size() != m.info.Size() || !st.ModTime().Equal(m.info.ModTime()) {
			return
		}
		s.Files = append(s.Files, is)
	}
	if raw, err := json.Marshal(s); err == nil {
		_ = d.in.Cache.SetNote(noteName(path), raw)
	}
}

func noteName(path string) string { return "output " + path }

// packed is a digest of all entries. Its first line is the version of the layout of the
// archive: other bytes for the same entries need another.
func (d *Draft) packed() string {
	sum := sha256.New()
	fmt.Fprintln(sum, "archive 1")
	for i := range d.items {
		it := &d.items[i]
		fmt.Fprintln(sum, it.SHA256, it.Mode, it.Size, it.Path)
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil))
}
