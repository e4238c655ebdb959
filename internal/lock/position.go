package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// position writes an offset in data as PATH:LINE:COLUMN.
func position(path string, data []byte, offset int) string {
	before := data[:min(max(offset, 0), len(data))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("%s:%d:%d", path, line, column)
}

// errorOffset is where the decoder found an error.
func errorOffset(err error, dec *json.Decoder) int {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return int(e.Offset) - 1
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return int(e.Offset) - 1
	}
	return int(dec.InputOffset())
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// entryError is about one image or file of the lock.
type entryError struct {
	key, value string // the JSON field that names the entry
	err        error
}

func (e *entryError) Error() string { return fmt.Sprintf("%s %q: %v", e.key, e.value, e.err) }
func (e *entryError) Unwrap() error { return e.err }

// find looks for the entry's line: the last one that names it, because of two
// with one name the second is wrong.
func (e *entryError) find(data []byte) int {
	quoted, err := json.Marshal(e.value)
	if err != nil {
		return 0
	}
	return bytes.LastIndex(data, append([]byte(`"`+e.key+`": `), quoted...))
}
