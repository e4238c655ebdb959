//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// groups is one control group by the same name in every hierarchy. All
// processes of a host are in it, which is how they are found again.
type groups []string

// hierarchies are the mounted cgroup trees. The lab needs the version 1
// controllers beside a version 2 tree ("hybrid"), because a host's systemd is
// told to expect that layout.
func hierarchies() ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("reading the mounts: %w", err)
	}
	var dirs []string
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) > 2 && strings.HasPrefix(f[2], "cgroup") && strings.HasPrefix(f[1], cgroupRoot+"/") {
			dirs = append(dirs, f[1])
		}
	}
	for _, needed := range []string{"systemd", "memory", "cpuset"} {
		if _, err := os.Stat(filepath.Join(cgroupRoot, needed, "cgroup.procs")); err != nil {
			return nil, fmt.Errorf("no cgroup v1 hierarchy at %q: boot with systemd.unified_cgroup_hierarchy=0", filepath.Join(cgroupRoot, needed))
		}
	}
	return dirs, nil
}

// newGroups makes the group run/name in every hierarchy.
func newGroups(run, name string) (groups, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var all groups
	for _, root := range roots {
		dir := root
		for _, element := range []string{run, name} {
			dir = filepath.Join(dir, element)
			if err := newGroup(dir); err != nil {
				return all, err
			}
		}
		all = append(all, dir)
	}
	return all, nil
}

// newGroup makes one directory. A new cpuset has no processor and takes no
// process, so it is given its parent's.
func newGroup(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making control group %q: %w", dir, err)
	}
	if !strings.HasPrefix(dir, filepath.Join(cgroupRoot, "cpuset")+"/") {
		return nil
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), value, 0o644)
		}
		if err != nil {
			return fmt.Errorf("copying %q to control group %q: %w", file, dir, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.clone_children"), []byte("1"), 0o644)
}

// processes are the processes in the groups and below them.
func (g groups) processes() map[int]bool {
	pids := map[int]bool{}
	for _, root := range g {
		// A group that vanishes during the walk has no processes either.
		_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Base(path) != "cgroup.procs" {
				return nil
			}
			content, _ := os.ReadFile(path)
			for field := range strings.FieldsSeq(string(content)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
					pids[pid] = true
				}
			}
			return nil
		})
	}
	return pids
}

// remove ends what still runs in the groups, then removes them. The lab alone
// puts processes there.
func (g groups) remove(ctx context.Context) error {
	for {
		pids := g.processes()
		for pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended by itself
		}
		err := g.rmdir()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing control groups: %w, %d processes left", err, len(pids))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// rmdir removes the directories, deepest first. Their files cannot be removed
// one by one: they go with the directory.
func (g groups) rmdir() error {
	var first error
	for _, root := range g {
		var dirs []string
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			err := os.Remove(dirs[i])
			if err != nil && !errors.Is(err, fs.ErrNotExist) && first == nil {
				first = err
			}
		}
	}
	return first
}

// groupsOf are the groups of a whole run, also of one that died.
func groupsOf(run string) (groups, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var all groups
	for _, root := range roots {
		all = append(all, filepath.Join(root, run))
	}
	return all, nil
}
