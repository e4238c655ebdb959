package derive

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// storedWriter wraps what is written to it in gzip without compressing it. A
// library that compresses may cut blocks in another way in its next release; these
// bytes are fixed by RFC 1951 and 1952, and a lock that names them stays good.
type storedWriter struct {
	out       []byte
	block     []byte // collected for the next block
	crc, size uint32
}

func newStoredWriter() *storedWriter {
	return &storedWriter{
		out:   []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}, // no time, no name, no operating system
		block: make([]byte, 0, math.MaxUint16),
	}
}

// Write never fails.
func (w *storedWriter) Write(p []byte) (int, error) {
	w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	w.size += uint32(len(p)) // modulo 2^32, as the format has it
	for rest := p; len(rest) > 0; {
		if len(w.block) == cap(w.block) {
			w.flush(0)
		}
		n := min(len(rest), cap(w.block)-len(w.block))
		w.block = append(w.block, rest[:n]...)
		rest = rest[n:]
	}
	return len(p), nil
}

// flush writes a block; last is 1 for the last one.
func (w *storedWriter) flush(last byte) {
	n := uint16(len(w.block))
	w.out = append(w.out, last)
	w.out = binary.LittleEndian.AppendUint16(w.out, n)
	w.out = binary.LittleEndian.AppendUint16(w.out, ^n)
	w.out = append(w.out, w.block...)
	w.block = w.block[:0]
}

// finish ends the stream and returns all of it.
func (w *storedWriter) finish() []byte {
	w.flush(1)
	w.out = binary.LittleEndian.AppendUint32(w.out, w.crc)
	return binary.LittleEndian.AppendUint32(w.out, w.size)
}
