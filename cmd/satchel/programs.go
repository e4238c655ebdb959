package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/progress"
)

// machines are the architectures of hosts as programs name them.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// programs finds satchel itself for the architectures: the file satchel-linux-ARCH
// beside the program that runs, or this program if it is the right one.
func programs(arches []string, b *progress.Bars) ([]bundle.Program, error) {
	if len(arches) == 0 {
		return nil, nil
	}
	own, err := os.Executable()
	if err == nil {
		own, err = filepath.EvalSymlinks(own)
	}
	if err != nil {
		return nil, fmt.Errorf("finding satchel's own file for the bundle: %w", err)
	}
	var all []bundle.Program
	for _, arch := range arches {
		source, err := programFor(arch, own)
		if err != nil {
			return nil, err
		}
		dynamic, err := checkProgram(source, arch)
		if err != nil {
			return nil, err
		}
		if dynamic {
			b.Note("%s needs the C library of the machine that it was built on, which hosts may lack; one built with CGO_ENABLED=0 (make cross) does not", source)
		}
		p, err := bundle.ReadProgram("bin/satchel-"+arch, source)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func programFor(arch, own string) (string, error) {
	beside := filepath.Join(filepath.Dir(own), "satchel-linux-"+arch)
	_, err := os.Stat(beside)
	switch {
	case err == nil:
		return beside, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("finding satchel for linux/%s: %w", arch, err)
	case runtime.GOOS == "linux" && runtime.GOARCH == arch:
		return own, nil
	}
	return "", fmt.Errorf("the bundle needs satchel for linux/%s; put satchel-linux-%s beside %s (make cross makes it)", arch, arch, own)
}

// checkProgram makes sure that the hosts can run the program, and tells whether it
// needs libraries of theirs.
func checkProgram(path, arch string) (dynamic bool, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return false, fmt.Errorf("reading satchel for linux/%s: %q is no Linux program: %w", arch, path, err)
	}
	defer f.Close()
	if f.Machine != machines[arch] {
		return false, fmt.Errorf("reading satchel for linux/%s: %q is for %s", arch, path, f.Machine)
	}
	for _, p := range f.Progs {
		dynamic = dynamic || p.Type == elf.PT_INTERP
	}
	return dynamic, nil
}
