// Package disk tells the kernel how large files are written and read, so that the disk
// works while the processor does, and gigabytes that pass through once do not push out
// of memory what others need. All of it is a matter of speed: without it the bytes are the
// same. It knows nothing of what is in the files.
package disk

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"unsafe"
)

const (
	// window is how much is written before the disk is told to begin with it.
	window = 4 << 20
	// chunk is how much is written at once past the kernel's memory.
	chunk = 1 << 20
	// page is what file systems and disks keep together: chunks begin and end there.
	page = 4096
	// copyBuffer is where larger buffers stop to make copies faster.
	copyBuffer = 512 << 10
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

// Writer writes a stretch of a file in order, and keeps the disk busy with what is behind.
// One of a File holds up to a chunk back: whoever is done must Flush.
type Writer struct {
	f         *os.File
	keep      bool
	begin, at int64 // of the stretch, and of the next byte
	// Of what is before at, the disk writes what is before begun, and has what is before
	// done.
	begun, done int64

	direct *os.File // nil for one that holds nothing back
	held   []byte   // what is before at and was not handed on; of chunks, or nil
}

// Writer writes from the offset at what nobody reads soon: whole chunks go past the
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
// what is appended to it should be written at once, as with bufio.Writer. A writer that
// holds nothing back has no room.
func (w *Writer) AvailableBuffer() []byte {
	if w.direct == nil {
		return nil
	}
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
	for len(p) > 0 && w.direct != nil {
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
	n, err := w.through(p, w.at)
	w.at += int64(n)
	return written + n, err
}

// ReadFrom appends all that r has.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	begin := w.at
	broken, err := Pour(w, r)
	return w.at - begin, cmp.Or(err, broken)
}

// Pour copies until from ends or breaks, and tells that from the error of to. A to with an
// AvailableBuffer is spared a copy.
func Pour(to io.Writer, from io.Reader) (broken, err error) {
	sparing, spares := to.(interface{ AvailableBuffer() []byte })
	var own []byte
	for {
		var room []byte
		if spares {
			room = sparing.AvailableBuffer()
		}
		if cap(room) == 0 {
			if own == nil {
				own = make([]byte, 0, copyBuffer)
			}
			room = own
		}
		n, broken := from.Read(room[:min(cap(room), copyBuffer)])
		if _, err := to.Write(room[:n]); err != nil {
			return nil, err
		}
		if errors.Is(broken, io.EOF) {
			return nil, nil
		}
		if broken != nil {
			return broken, nil
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
	data := w.held
	begin := w.at - int64(len(data))
	w.held = w.held[:0]
	if len(data) == chunk {
		if _, err := w.direct.WriteAt(data, begin); err == nil {
			return nil
		}
		// Some file systems refuse only now; what is wrong with the disk shows below.
		w.direct = nil
	}
	_, err := w.through(data, begin)
	return err
}

// through writes p at an offset with the kernel's help.
func (w *Writer) through(p []byte, at int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := w.f.WriteAt(p, at)
	end := at + int64(n)
	if end-w.begun < window {
		return n, err
	}
	startWriting(w.f, w.begun, end-w.begun)
	if !w.keep && w.begun > w.done {
		Forget(w.f, w.done, w.begun-w.done)
	}
	w.done, w.begun = w.begun, end
	return n, err
}
