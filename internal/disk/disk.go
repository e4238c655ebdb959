// Package disk tells the kernel how large files are written and read, so that the disk
// works while the processor does, and gigabytes that pass through once do not push out
// of memory what others need. All of it is advice: without it the bytes are the same. It
// knows nothing of what is in the files.
package disk

import "os"

// window is how much is written before the disk is told to begin with it.
const window = 4 << 20

// Writer writes a stretch of a file in order, and keeps the disk busy with what is behind.
type Writer struct {
	f *os.File
	// The stretch begins at begin. Of what is before at, the disk writes what is before
	// begun, and has what is before done.
	begin, at, begun, done int64
	keep                   bool
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

// Rewind goes back to the beginning of the stretch.
func (w *Writer) Rewind() { w.move(w.begin) }

// Skip jumps over bytes that are written by others.
func (w *Writer) Skip(n int64) { w.move(w.at + n) }

func (w *Writer) move(to int64) { w.at, w.begun, w.done = to, to, to }

func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.f.WriteAt(p, w.at)
	w.at += int64(n)
	if w.at-w.begun < window {
		return n, err
	}
	startWriting(w.f, w.begun, w.at-w.begun)
	if !w.keep && w.begun > w.done {
		Forget(w.f, w.done, w.begun-w.done)
	}
	w.done, w.begun = w.begun, w.at
	return n, err
}
