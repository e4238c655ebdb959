package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// programItems reads each program once for its hash, which stands in bundle.json
// before the program itself. Packing hashes it again.
func programItems(programs []Program) ([]item, error) {
	var items []item
	for _, p := range programs {
		if !strings.HasPrefix(p.Path, programsDir) {
			return nil, fmt.Errorf("adding program %q: its place is below %q", p.Path, programsDir)
		}
		size, digits, err := hashFile(p.Source)
		if err != nil {
			return nil, fmt.Errorf("adding program %q: %w", p.Path, err)
		}
		items = append(items, item{
			File:   File{Path: p.Path, Size: size, SHA256: digits, Mode: Executable},
			source: p.Source,
			use:    fmt.Sprintf("program %q from %q", p.Path, p.Source),
		})
	}
	return items, nil
}

func hashFile(path string) (size int64, digits string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	sum := sha256.New()
	size, err = io.Copy(sum, f)
	return size, hex.EncodeToString(sum.Sum(nil)), err
}
