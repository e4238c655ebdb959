package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// standInProgram is the head of a Linux program that a bundle can carry, and no
// more: tests that pack many bundles would pack the test's own program otherwise.
func standInProgram(machine elf.Machine, segments ...elf.ProgType) []byte {
	var b bytes.Buffer
	head := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64, Phoff: 64, Phentsize: 56, Phnum: uint16(len(segments)), Shentsize: 64,
	}
	all := []any{head}
	for _, segment := range segments {
		all = append(all, elf.Prog64{Type: uint32(segment)})
	}
	for _, part := range all {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err) // all parts have a fixed size
		}
	}
	return b.Bytes()
}

// withPrograms runs the tests with stand-ins beside the satchel that they run.
type withPrograms struct{ *testing.M }

func (m withPrograms) Run() int {
	own, err := exec.LookPath("satchel")
	if err == nil {
		dir := filepath.Dir(own)
		err = errors.Join(
			os.WriteFile(filepath.Join(dir, "satchel-linux-amd64"), standInProgram(elf.EM_X86_64), 0o644),
			os.WriteFile(filepath.Join(dir, "satchel-linux-arm64"), standInProgram(elf.EM_AARCH64), 0o644))
	}
	if err != nil {
		panic(err) // there is no test yet that could fail
	}
	return m.M.Run()
}

func TestTheProgramBesideIsTakenFirst(t *testing.T) {
	dir := t.TempDir()
	own, beside := filepath.Join(dir, "satchel"), filepath.Join(dir, "satchel-linux-arm64")
	if err := os.WriteFile(beside, standInProgram(elf.EM_AARCH64), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := programFor("arm64", own); got != beside || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	_, err := programFor("riscv64", own)
	if err == nil || !strings.Contains(err.Error(), "needs satchel for linux/riscv64; put satchel-linux-riscv64 beside "+own) {
		t.Errorf("got %v", err)
	}
}

func TestAProgramForOtherMachinesIsRefused(t *testing.T) {
	for what, test := range map[string]struct {
		content []byte
		want    string
	}{
		"another processor": {standInProgram(elf.EM_AARCH64), "is for EM_AARCH64"},
		"a script":          {[]byte("#!/bin/sh\n"), "is no Linux program"},
		"an empty file":     {nil, "is no Linux program"},
	} {
		path := filepath.Join(t.TempDir(), "satchel-linux-amd64")
		if err := os.WriteFile(path, test.content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := checkProgram(path, "amd64"); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAProgramThatNeedsLibrariesIsNoticed(t *testing.T) {
	for dynamic, segments := range map[bool][]elf.ProgType{false: {elf.PT_LOAD}, true: {elf.PT_LOAD, elf.PT_INTERP}} {
		path := filepath.Join(t.TempDir(), "satchel-linux-amd64")
		if err := os.WriteFile(path, standInProgram(elf.EM_X86_64, segments...), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := checkProgram(path, "amd64"); got != dynamic || err != nil {
			t.Errorf("%v: %v, %v", segments, got, err)
		}
	}
}
