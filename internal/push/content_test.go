package push

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

func TestContentIsCheckedBeforeItsLastBytesAreGivenAway(t *testing.T) {
	right := "the right content"
	boom := errors.New("boom")
	for what, test := range map[string]struct {
		body    io.Reader
		part    string
		damaged bool
	}{
		"right":               {strings.NewReader(right), "", false},
		"right, byte by byte": {iotest.OneByteReader(strings.NewReader(right)), "", false},
		"right, with the end": {iotest.DataErrReader(strings.NewReader(right)), "", false},
		"other":               {strings.NewReader("the wrong content"), "it has the digest", true},
		"shorter":             {strings.NewReader(right[1:]), "it has 16 bytes, not the 17", true},
		"longer":              {strings.NewReader(right + "s"), "longer than the 17", true},
		"empty":               {strings.NewReader(""), "it has 0 bytes", true},
		"a disk that fails":   {io.MultiReader(strings.NewReader(right[:5]), iotest.ErrReader(boom)), `reading "a/file": boom`, false},
	} {
		c := content{digest: digestOf([]byte(right)), size: int64(len(right)), use: `"a/file"`, open: func() (io.ReadCloser, error) { return io.NopCloser(test.body), nil }}
		var watched int64
		r, err := c.read(func(n int64) { watched += n })
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		_, err = io.Copy(&got, r)
		switch {
		case test.part == "" && (err != nil || got.String() != right || r.failed() != nil || watched != int64(len(right))):
			t.Errorf("%s: got %q, %v", what, got.String(), err)
		case test.part != "":
			fails(t, err, `"a/file"`, test.part)
			if got.Len() >= len(right) || errors.Is(err, errDamaged) != test.damaged || r.failed() == nil {
				t.Errorf("%s: %d bytes were given away, %v", what, got.Len(), err)
			}
		}
		r.giveBack()
		if _, err := r.Read(make([]byte, 1)); watched != 0 || err == nil {
			t.Errorf("%s: after it was given back %d bytes count, %v", what, watched, err)
		}
	}
}

func TestAClosedReadingIsNotDamaged(t *testing.T) {
	data := noise(1, 1000)
	c := content{digest: digestOf(data), size: 1000, open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
	r := must(c.read(nil))
	if _, err := io.ReadFull(r, make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := r.Read(make([]byte, 500)); !errors.Is(err, errClosed) || r.failed() != nil {
		t.Errorf("got %v, and %v", err, r.failed())
	}
}

func TestAFullDiskSaysHowMuchIsNeeded(t *testing.T) {
	for err, part := range map[error]string{
		syscall.ENOSPC: `up to 5.0 GB are needed in "/out"`,
		syscall.EFBIG:  "FAT32",
		io.EOF:         "EOF",
	} {
		fails(t, explainSpace(fmt.Errorf("writing: %w", err), 5e9, "/out"), "writing: ", part)
	}
}
