package disk

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// What is written arrives, in any pieces, also where a window ends in the middle of one.
func TestWriterWritesEverythingWhereItBelongs(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Reserve(f, 3*window+2000); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 3*window+500)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	for name, w := range map[string]*Writer{"dropping": NewWriter(f, 1000), "keeping": NewKeepingWriter(f, 1000)} {
		if _, err := w.Write(data[:window+700]); err != nil {
			t.Fatal(err)
		}
		w.Rewind()
		for rest := data; len(rest) > 0; {
			n := min(1+random.IntN(window/2), len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if w.Offset() != 1000+int64(len(data)) {
			t.Errorf("%s: at %d", name, w.Offset())
		}
		w.Skip(300)
		if _, err := w.Write([]byte("end")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(data)+303)
		if _, err := f.ReadAt(got, 1000); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got[:len(data)], data) || string(got[len(data)+300:]) != "end" {
			t.Errorf("%s: the file has other bytes", name)
		}
	}
}
