//go:build lab && linux

package world

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/satchel-kit/satchel/internal/lab"
)

// root is a Debian root file system from which parts go into images.
type root struct {
	dir       string
	libraries string // the directory of shared libraries, such as "usr/lib/x86_64-linux-gnu"
	versions  string // a checksum of the packages' versions
}

// debian gives a root file system with what kube-proxy and flannel run.
func debian(ctx context.Context) (*root, error) {
	dir, err := lab.Base(ctx, "", "busybox-static", "conntrack", "ipset", "iptables", "kmod", "nftables")
	if err != nil {
		return nil, err
	}
	return rootOf(dir)
}

// rootOf describes a Debian root file system.
func rootOf(dir string) (*root, error) {
	found, _ := filepath.Glob(filepath.Join(dir, "usr/lib/*-linux-gnu")) // the pattern is good
	if len(found) != 1 {
		return nil, fmt.Errorf("looking for the libraries of %q: found %d directories usr/lib/*-linux-gnu, not one", dir, len(found))
	}
	packages, err := os.ReadFile(filepath.Join(dir, "var/lib/dpkg/status"))
	if err != nil {
		return nil, fmt.Errorf("reading what Debian has installed: %w", err)
	}
	return &root{
		dir:       dir,
		libraries: strings.TrimPrefix(found[0], dir+"/"),
		versions:  fmt.Sprintf("%x", sha256.Sum256(packages)),
	}, nil
}

// busybox is a layer with busybox under all its names.
func (r *root) busybox(ctx context.Context) (*tree, error) {
	t := newTree()
	program := filepath.Join(r.dir, "usr/bin/busybox")
	names, err := exec.CommandContext(ctx, program, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("asking busybox for its names: %w", err)
	}
	for _, name := range strings.Fields(string(names)) {
		t.link("bin/"+name, "busybox")
	}
	return t.program("bin/busybox", program), nil
}

// packetFilter is a layer with the tools that kube-proxy and flannel call, over
// busybox. The names without a suffix are nftables', as in Debian.
func (r *root) packetFilter() (*tree, error) {
	t := newTree()
	for _, program := range []string{"xtables-nft-multi", "xtables-legacy-multi", "nft", "conntrack", "ipset"} {
		if err := r.addProgram(t, "usr/sbin/"+program); err != nil {
			return nil, err
		}
	}
	for _, family := range []string{"ip", "ip6"} {
		for _, tool := range []string{"tables", "tables-save", "tables-restore"} {
			t.link("usr/sbin/"+family+tool, "xtables-nft-multi")
			t.link("usr/sbin/"+family+tool+"-nft", "xtables-nft-multi")
			t.link("usr/sbin/"+family+tool+"-legacy", "xtables-legacy-multi")
		}
	}
	if err := r.addProgram(t, "usr/bin/kmod"); err != nil {
		return nil, err
	}
	t.link("usr/sbin/modprobe", "../bin/kmod").link("usr/sbin/lsmod", "../bin/kmod")
	return t, r.addExtensions(t)
}

// addExtensions adds the matches and targets that iptables loads by name.
func (r *root) addExtensions(t *tree) error {
	dir := path.Join(r.libraries, "xtables")
	list, err := os.ReadDir(filepath.Join(r.dir, dir))
	if err != nil {
		return fmt.Errorf("listing iptables' extensions: %w", err)
	}
	for _, e := range list {
		name := path.Join(dir, e.Name())
		if target, err := os.Readlink(filepath.Join(r.dir, name)); err == nil {
			t.link(name, target)
		} else if err := r.addProgram(t, name); err != nil {
			return err
		}
	}
	return nil
}

// addProgram adds a program or library, its loader, and the libraries that it
// needs, and that they need.
func (r *root) addProgram(t *tree, name string) error {
	if _, ok := t.entries[name]; ok {
		return nil
	}
	source := filepath.Join(r.dir, name)
	t.program(name, source)
	needed, loader, err := linked(source)
	if err != nil {
		return fmt.Errorf("reading what %q is linked with: %w", name, err)
	}
	if loader != "" {
		// Debian's /lib is a link to /usr/lib, its /lib64 to /usr/lib64.
		t.program("usr"+loader, filepath.Join(r.dir, r.libraries, path.Base(loader)))
		t.link("lib", "usr/lib").link("lib64", "usr/lib64")
	}
	for _, library := range needed {
		if err := r.addProgram(t, path.Join(r.libraries, library)); err != nil {
			return err
		}
	}
	return nil
}

// linked reads from an ELF file its libraries and, of a program, the loader.
func linked(file string) (libraries []string, loader string, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			text, err := io.ReadAll(p.Open())
			if err != nil {
				return nil, "", err
			}
			loader = strings.TrimRight(string(text), "\x00")
		}
	}
	libraries, err = f.ImportedLibraries()
	return libraries, loader, err
}
