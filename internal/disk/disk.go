// Package disk tells the kernel how large files are written and read, so that the disk
// works while the processor does, and gigabytes that pass through once do not push out
// of memory what others need. All of it is a matter of speed: without it the bytes are the
// same. It knows nothing of what is in the files.
package disk

import (
	"errors"
	"io"
	"os"
	"sync"
	"unsafe"
)

const (
	// window is how much is written before the disk is told to begin with it.
	window = 4 << 20
	// chunk is how much a writer hands on at once, and what a crash may cost it.
	chunk = 256 << 10
	// page is what file systems and disks keep together; what goes past the kernel's
	// memory begins and ends between two pages.
	page = 4096
)

// File is a file of which stretches are written, several at a time.
type File struct {
	f      *os.File
	direct *os.File // past the kernel's memory; nil where that cannot be
}

// NewFile writes to f, which stays the caller's to sync and close.
func NewFile(f *os.File) *File { return &File{f: f, direct: openDirect(f)} }

// Close ends the writing; what writers have not flushed is lost.
func (f *File) Close() error {
	if f.direct == nil {
		return nil
	}
	return f.direct.Close()
}

// Writer writes a stretch of a file in order, a chunk at a time, and keeps the disk busy
// with what is behind. Whoever is done must Flush.
type Writer struct {
	f, direct *os.File
	keep      bool
	begin, at int64  // of the stretch, and of the next byte
	held      []byte // what is before at and was not handed on; of chunks, or nil
	// Of what was handed on, the disk writes what is before begun, and has what is
	// before done.
	begun, done int64
}

// Writer writes from the offset at what nobody reads soon: little of it stays in the
// kernel's memory.
func (f *File) Writer(at int64) *Writer {
	w := NewWriter(f.f, at)
	w.direct = f.direct
	return w
}

// NewWriter writes to f from the offset at what nobody reads soon: the kernel's memory is
// given back. It waits for the disk when that is two windows behind.
func NewWriter(f *os.File, at int64) *Writer {
	return &Writer{f: f, begin: at, at: at, begun: at, done: at}
}

// NewKeepingWriter writes what is read next.
func NewKeepingWriter(f *os.File, at int64) *Writer {
	w := NewWriter(f, at)
	w.keep = true
	return w
}

// Offset is where in the file the next byte goes.
func (w *Writer) Offset() int64 { return w.at }

// Rewind goes back to the beginning of the stretch. What was not flushed is dropped.
func (w *Writer) Rewind() {
	w.release()
	w.move(w.begin)
}

// Skip jumps over bytes that are written by others.
func (w *Writer) Skip(n int64) error {
	err := w.Flush()
	w.move(w.at + n)
	return err
}

func (w *Writer) move(to int64) { w.at, w.begun, w.done = to, to, to }

// AvailableBuffer is where the next bytes are spared a copy: it is empty, has room, and
// what is appended to it should be written at once, as with bufio.Writer.
func (w *Writer) AvailableBuffer() []byte {
	if w.held == nil {
		w.held = (*chunks.Get().(*[chunk]byte))[:0]
	}
	// Chunks begin and end at their multiples in the file: there the disk has pages too.
	begin := w.at - int64(len(w.held))
	return w.held[len(w.held) : len(w.held) : chunk-int(begin%chunk)]
}

// Write appends p to the stretch.
func (w *Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		room := w.AvailableBuffer()
		n := min(cap(room), len(p))
		if &room[:1][0] != &p[0] {
			copy(room[:n], p)
		}
		w.held = w.held[:len(w.held)+n]
		w.at += int64(n)
		if n == cap(room) {
			if err := w.handOn(); err != nil {
				return written, err
			}
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// ReadFrom appends all that r has.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	for total := int64(0); ; {
		room := w.AvailableBuffer()
		n, err := r.Read(room[:cap(room)])
		total += int64(n)
		if _, failed := w.Write(room[:n]); failed != nil {
			return total, failed
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Flush hands on what was held back. It need not be on the disk then.
func (w *Writer) Flush() error {
	err := w.handOn()
	w.release()
	return err
}

// release gives the buffer back.
func (w *Writer) release() {
	if w.held != nil {
		chunks.Put((*[chunk]byte)(w.held[:chunk]))
		w.held = nil
	}
}

// chunks are buffers that begin where a page does, which writing past the kernel's memory
// asks for.
var chunks = sync.Pool{New: func() any {
	b := make([]byte, chunk+page)
	before := -uintptr(unsafe.Pointer(&b[0])) % page
	return (*[chunk]byte)(b[before:])
}}

// handOn empties the buffer, and keeps it: what was written from it is still there.
func (w *Writer) handOn() error {
	begin := w.at - int64(len(w.held))
	data := w.held
	w.held = w.held[:0]
	if w.direct != nil && len(data) == chunk {
		if _, err := w.direct.WriteAt(data, begin); err == nil {
			return nil
		}
		// Some file systems refuse only now; what is wrong with the disk shows below.
		w.direct = nil
	}
	if _, err := w.f.WriteAt(data, begin); err != nil || w.at-w.begun < window {
		return err
	}
	startWriting(w.f, w.begun, w.at-w.begun)
	if !w.keep && w.begun > w.done {
		Forget(w.f, w.done, w.begun-w.done)
	}
	w.done, w.begun = w.begun, w.at
	return nil
}
