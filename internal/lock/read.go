package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// Unreadable says that a file is no lock that this satchel reads.
type Unreadable struct {
	// Where is the file, with line and column where that is known.
	Where string
	// Newer says that a newer satchel reads it: it is not to be lost for a new one.
	Newer bool
	err   error
}

func (e *Unreadable) Error() string {
	if e.Newer {
		return e.Reason()
	}
	return e.Reason() + "; undo the edit, or run `satchel lock` to make it anew"
}

// Reason is what is wrong, without what to do.
func (e *Unreadable) Reason() string { return fmt.Sprintf("%s: %v", e.Where, e.err) }

func (e *Unreadable) Unwrap() error { return e.err }

// Read reads a lock and checks all of it.
func Read(path string) (*Lock, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading lock: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a lock from data; path is for errors only. What is wrong with the data is an
// Unreadable.
func Parse(path string, data []byte) (*Lock, error) {
	if found := newest(data); found > Format {
		return nil, &Unreadable{Where: path, Newer: true, err: fmt.Errorf("the lock has format %d, and this satchel knows format %d: use the satchel that wrote it, or a newer one", found, Format)}
	}
	l, at, err := decode(data)
	if err == nil {
		return l, nil
	}
	if marks := conflict.FindIndex(data); marks != nil {
		at, err = marks[0], errors.New("a merge by git has left its conflict markers in the lock")
	} else if len(bytes.TrimSpace(data)) == 0 {
		at, err = 0, errors.New("the lock is empty")
	}
	where := path
	if at >= 0 {
		where = position(path, data, at)
	}
	return nil, &Unreadable{Where: where, err: err}
}

// decode reads a lock; with an error it says at which byte, or -1 for nowhere.
func decode(data []byte) (*Lock, int, error) {
	l := &Lock{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(l); err != nil {
		return nil, errorOffset(err, dec), fmt.Errorf("reading the lock: %w", err)
	}
	if err := l.validate(); err != nil {
		if e, ok := errors.AsType[*entryError](err); ok {
			return nil, e.find(data), err
		}
		return nil, -1, err
	}
	// What JSON lets through (a key twice, text after the end, another order of
	// keys) shows here: a lock that says something has one way to say it.
	if want := l.Bytes(); !bytes.Equal(data, want) {
		return nil, firstDifference(data, want), errors.New("the lock is not as satchel writes it")
	}
	return l, 0, nil
}

// No line of a lock begins like the lines by which git divides the sides of a conflict:
// the strings of JSON have no line ends.
var (
	conflict = regexp.MustCompile(`(?m)^(<{7}|={7}|>{7}|\|{7})( |\r?$)`)
	format   = regexp.MustCompile(`(?m)^[ \t{]*"lock"[ \t]*:[ \t]*([0-9]{1,9})\b`)
)

// newest is the highest format that the data speaks of. The rest of a newer lock may be
// anything, and two formats meet in a merge, so it is found without a reader of JSON.
func newest(data []byte) int {
	highest := 0
	for _, m := range format.FindAllSubmatch(data, -1) {
		n, _ := strconv.Atoi(string(m[1])) // it is digits
		highest = max(highest, n)
	}
	return highest
}
