package serve

import (
	"io"
	"net/http"
	"time"
)

// A client has to take each portion in time. A limit for the whole answer would
// cut off large blobs on slow lines, none at all would let dead clients hold
// connections for ever.
const (
	portion     = 1 << 20
	portionTime = time.Minute
)

// answer is a response that is counted and cannot stall.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

func newAnswer(w http.ResponseWriter) *answer {
	a := &answer{ResponseWriter: w, control: http.NewResponseController(w), status: http.StatusOK}
	a.extend()
	return a
}

// extend gives the client more time. Where connections know no deadlines, as in a
// test's recorder, there is nothing to extend.
func (a *answer) extend() { _ = a.control.SetWriteDeadline(time.Now().Add(portionTime)) }

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.extend()
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// ReadFrom passes portions on, so that the kernel can send a file by itself. The
// limit of a reader that comes with one is merged with that of the portion,
// because the kernel's way is open to one limit only.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	outer, limited := r.(*io.LimitedReader)
	if !limited {
		outer = &io.LimitedReader{R: r, N: 1<<63 - 1}
	}
	var sum int64
	for outer.N > 0 {
		a.extend()
		want := min(outer.N, portion)
		n, err := io.Copy(a.ResponseWriter, &io.LimitedReader{R: outer.R, N: want})
		sum, outer.N, a.bytes = sum+n, outer.N-n, a.bytes+n
		if err != nil || n < want {
			return sum, err
		}
	}
	return sum, nil
}
