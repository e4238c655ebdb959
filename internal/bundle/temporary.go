package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// temporary is the name of a file or directory that is not finished yet: beside
// its final place, so that the last step is a rename, and locked, so that a later
// run can tell what a killed process left from what a living one still writes.
type temporary struct {
	name string
	lock *os.File
}

// newTemporary calls create with the directory and pattern of a temporary of
// path. It first removes what killed processes have left there.
func newTemporary(path string, create func(dir, pattern string) (string, error)) (*temporary, error) {
	dir, name := filepath.Dir(path), filepath.Base(path)
	sweep(dir, name)
	for range 100 {
		created, err := create(dir, "."+name+".*.tmp")
		if err != nil {
			return nil, err
		}
		t, err := hold(created)
		if t != nil || err != nil {
			return t, err
		}
	}
	return nil, fmt.Errorf("creating a temporary file in %q: another process removes each", dir)
}

// release gives up the lock; the name is final or gone by now.
func (t *temporary) release() { t.lock.Close() }

// hold locks what was just created. It returns nil if a sweep was faster.
func hold(name string) (*temporary, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(name))
	}
	// A file system without locks is no reason to fail: sweeps get none there
	// either, and leave everything alone.
	taken := errors.Is(flock(f), syscall.EWOULDBLOCK)
	if mine, err := f.Stat(); err == nil && !taken {
		if there, err := os.Lstat(name); err == nil && os.SameFile(mine, there) {
			return &temporary{name, f}, nil
		}
	}
	return nil, f.Close()
}

// sweep removes the temporaries of a name whose makers are dead. Where it cannot,
// what is to be written can still be.
func sweep(dir, name string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !isTemporary(e, name) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if dead := holdDead(path); dead != nil {
			os.RemoveAll(path)
			dead.Close()
		}
	}
}

// isTemporary tells by its name whether something is a temporary of a name.
func isTemporary(e fs.DirEntry, name string) bool {
	digits, ours := strings.CutPrefix(e.Name(), "."+name+".")
	digits, temp := strings.CutSuffix(digits, ".tmp")
	return ours && temp && strings.Trim(digits, "0123456789") == "" && (e.Type().IsRegular() || e.IsDir())
}

// holdDead locks a temporary that nobody holds; nil says that it is none.
func holdDead(path string) *os.File {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	if flock(f) != nil {
		f.Close()
		return nil
	}
	return f
}

// flock takes the exclusive lock on f if nobody has it.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
