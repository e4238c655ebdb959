package archive

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestNoBitOfATarChangesUnseen flips every bit of a small archive. Only around
// the digits of a header's checksum are some that mean nothing: what follows the
// NUL there, and spaces in the place of leading zeros.
func TestNoBitOfATarChangesUnseen(t *testing.T) {
	var entries []Entry
	for _, e := range []struct{ path, data string }{{"bundle.json", "{}"}, {"hosts/a/x", strings.Repeat("x", 700)}, {"z", ""}} {
		entries = append(entries, Entry{Path: e.path, Mode: 0o644, Size: int64(len(e.data)), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(e.data)), nil
		}})
	}
	data := pack(t, Tar, entries)
	want := seen(t, data)
	unseen := 0
	for at := range data {
		for bit := range 8 {
			data[at] ^= 1 << bit
			if seen(t, data) == want {
				if unseen++; at%blockSize < 148 || at%blockSize >= 156 {
					t.Errorf("bit %d of byte %d changes unseen", bit, at)
				}
			}
			data[at] ^= 1 << bit
		}
	}
	if unseen > 12*len(entries) {
		t.Errorf("%d bits change unseen", unseen)
	}
}

// seen is all that a reader sees of an archive, with its error.
func seen(t *testing.T, data []byte) string {
	var all strings.Builder
	err := readStream(t.Context(), bytes.NewReader(data), func(e Entry) error {
		all.WriteString(e.Path + " " + e.Mode.String() + "\n")
		rc, err := e.Open()
		if err != nil {
			return err
		}
		defer rc.Close()
		_, err = io.Copy(&all, rc)
		return err
	})
	if err != nil {
		all.WriteString(err.Error())
	}
	return all.String()
}
