package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// An archive NAME can be in parts, NAME.001, NAME.002 and so on, for media that it is
// too large for. Beside them is NAME.sha256 with a line for each, in order, in the form
// that `sha256sum -c` reads: nothing but that program and cat is needed to check the
// parts and to join them.
const (
	listSuffix = ".sha256"
	// maxParts is as far as three digits go.
	maxParts = 999
	// maxList is more than the longest list can have.
	maxList = maxParts * 1024
)

// PartList is the name of the list of an archive's parts.
func PartList(name string) string { return name + listSuffix }

// PartNames are the names of an archive's parts and, last, of their list, without the
// directory. The error wraps fs.ErrNotExist if there is no list.
func PartNames(name string) ([]string, error) {
	l, err := readPartList(name)
	if err != nil {
		return nil, err
	}
	return l.names(name), nil
}

// Files are the files that the archive at path consists of, as far as they are there: one,
// or the parts and their list.
func Files(path string) ([]string, error) {
	at, err := find(path)
	switch {
	case err != nil:
		return nil, err
	case at.whole == "":
		return []string{path}, nil
	}
	return PartFiles(at.whole), nil
}

// PartFiles are the files that are there under the names of the parts of an archive, and
// of their list, whatever is in them.
func PartFiles(name string) []string {
	var there []string
	for number := 1; number <= maxParts; number++ {
		if part := partName(name, number); isFile(part) {
			there = append(there, part)
		}
	}
	if isFile(PartList(name)) {
		there = append(there, PartList(name))
	}
	return there
}

func (l partList) names(name string) []string {
	var names []string
	for i := range l {
		names = append(names, filepath.Base(partName(name, i+1)))
	}
	return append(names, filepath.Base(PartList(name)))
}

func partName(name string, number int) string { return fmt.Sprintf("%s.%03d", name, number) }

// splitPartName takes the number from the name of a part; 0 says that it has none.
func splitPartName(name string) (whole string, number int) {
	at := len(name) - len(".000")
	if at < 1 || name[at] != '.' {
		return name, 0
	}
	for _, digit := range name[at+1:] {
		if digit < '0' || digit > '9' {
			return name, 0
		}
		number = 10*number + int(digit-'0')
	}
	return name[:at], number
}

// partList has the SHA-256 of each part as hexadecimal digits.
type partList []string

func (l partList) bytes(name string) []byte {
	var out bytes.Buffer
	for i, digits := range l {
		fmt.Fprintf(&out, "%s  %s\n", digits, partName(filepath.Base(name), i+1))
	}
	return out.Bytes()
}

// parsePartList reads a list of the parts of name that nobody vouches for.
func parsePartList(name string, data []byte) (partList, error) {
	var l partList
	for line := range strings.Lines(string(data)) {
		digits, file, found := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !found || len(digits) != 2*sha256.Size || strings.Trim(digits, "0123456789abcdef") != "" {
			return nil, fmt.Errorf("line %d is not a SHA-256, two spaces and the name of a part", len(l)+1)
		}
		if want := partName(filepath.Base(name), len(l)+1); file != want {
			return nil, fmt.Errorf("line %d is about %q, not %q: parts keep their names and their order", len(l)+1, file, want)
		}
		if l = append(l, digits); len(l) > maxParts {
			return nil, fmt.Errorf("it has more than %d lines", maxParts)
		}
	}
	if len(l) == 0 {
		return nil, errors.New("it is empty")
	}
	if !bytes.Equal(l.bytes(name), data) {
		return nil, errors.New("its last line is cut short")
	}
	return l, nil
}

// readPartList reads the list of an archive's parts.
func readPartList(name string) (partList, error) {
	path := PartList(name)
	f, _, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("reading the list of parts %q: %w", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxList+1))
	if err == nil && len(data) > maxList {
		err = fmt.Errorf("it is larger than %d bytes", maxList)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the list of parts %q: %w", path, err)
	}
	l, err := parsePartList(name, data)
	if err != nil {
		return nil, fmt.Errorf("reading the list of parts %q: %w", path, err)
	}
	return l, nil
}

func digits(sum []byte) string { return hex.EncodeToString(sum) }
