package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// Program is a file on the disk of the build machine that hosts run.
type Program struct {
	// Path is the place in the bundle, such as "bin/satchel-amd64".
	Path string
	// Source is the file.
	Source string
	// Size is in bytes.
	Size int64
	// SHA256 is in hex digits.
	SHA256 string
}

// ReadProgram reads a program for its size and its hash, which stand in bundle.json
// before the program itself. Packing hashes it again.
func ReadProgram(path, source string) (Program, error) {
	p := Program{Path: path, Source: source}
	if !strings.HasPrefix(path, programsDir) {
		return p, fmt.Errorf("adding program %q: its place is below %q", path, programsDir)
	}
	f, err := os.Open(source)
	if err != nil {
		return p, fmt.Errorf("adding program %q: %w", path, err)
	}
	defer f.Close()
	sum := sha256.New()
	if p.Size, err = io.Copy(sum, f); err != nil {
		return p, fmt.Errorf("adding program %q from %q: %w", path, source, err)
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return p, nil
}

func programItems(programs []Program) []item {
	var items []item
	for _, p := range programs {
		items = append(items, item{
			File:   File{Path: p.Path, Size: p.Size, SHA256: p.SHA256, Mode: Executable},
			source: p.Source,
			use:    fmt.Sprintf("program %q from %q", p.Path, p.Source),
		})
	}
	return items
}
