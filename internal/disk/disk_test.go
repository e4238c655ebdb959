package disk

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
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
	direct := NewFile(f)
	defer direct.Close()
	refusing, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer refusing.Close()
	for name, w := range map[string]*Writer{
		"dropping": NewWriter(f, 1000), "keeping": NewKeepingWriter(f, 1000),
		"past the kernel's memory":   direct.Writer(1000),
		"where that is refused late": (&File{f: f, direct: refusing}).Writer(1000),
	} {
		if _, err := f.WriteAt(make([]byte, len(data)+303), 1000); err != nil {
			t.Fatal(err)
		}
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
		if err := w.Skip(300); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("end")); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
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

// Stretches that lie side by side, and share pages, do not touch each other's bytes,
// however each is written.
func TestStretchesAreWrittenAtOnce(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, 9*chunk+777)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	if _, err := Reserve(f, int64(len(data))); err != nil {
		t.Fatal(err)
	}
	to := NewFile(f)
	defer to.Close()
	// Not every file system writes past the kernel's memory.
	whole := chunks.Get().(*[chunk]byte)
	can := false
	if to.direct != nil {
		_, err := to.direct.WriteAt(whole[:], 0)
		can = err == nil
	}
	var all sync.WaitGroup
	for from := 0; from < len(data); {
		until := min(from+1+random.IntN(2*chunk), len(data))
		if from == 0 {
			until = 3*chunk + 5 // some whole chunks for sure
		}
		at, part := from, data[from:until]
		all.Go(func() {
			w := to.Writer(int64(at))
			half := len(part) / 2
			if _, err := w.ReadFrom(&sparse{bytes.NewReader(part[:half])}); err != nil {
				t.Error(err)
			}
			for rest := part[half:]; len(rest) > 0; {
				// As bufio.Writer has it: into the room, and written from there.
				room := w.AvailableBuffer()
				n := copy(room[:cap(room)], rest)
				if _, err := w.Write(room[:n]); err != nil {
					t.Error(err)
				}
				rest = rest[n:]
			}
			if err := w.Flush(); err != nil {
				t.Error(err)
			}
			if can && w.direct == nil {
				t.Errorf("the stretch at %d was refused, which means that a chunk is not as the disk wants it", at)
			}
		})
		from = until
	}
	all.Wait()
	got, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("the file has other bytes: %v", err)
	}
}

// sparse gives little at a time.
type sparse struct{ io.Reader }

func (s *sparse) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), 5003)]) }

// bufio.Writer and bytes.Buffer have the method too, and the latter may have no room.
func TestPourTakesWriterWithoutRoom(t *testing.T) {
	var to bytes.Buffer
	broken, err := Pour(&to, strings.NewReader("all of it"))
	if broken != nil || err != nil || to.String() != "all of it" {
		t.Errorf("got %q: %v, %v", to.String(), broken, err)
	}
}
