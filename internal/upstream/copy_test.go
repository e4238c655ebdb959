package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const size = 4 << 20

func blob(t *testing.T, f *fake, data []byte) (*memory, error) {
	t.Helper()
	sink := &memory{limit: size}
	return sink, f.client(t).Blob(t.Context(), image1, digestOf(data), int64(len(data)), sink)
}

func TestBrokenTransferGoesOnWhereItBroke(t *testing.T) {
	data := noise(size)
	good := whole(data, "")
	f := newFake(t, torn(good, 1<<20), torn(good, 1<<20), torn(good, 300<<10), torn(good, 300<<10), torn(good, 300<<10), good)
	sink, err := blob(t, f, data)
	if err != nil || !bytes.Equal(sink.data, data) {
		t.Fatalf("%d bytes: %v", len(sink.data), err)
	}
	if sent := f.sent.Load(); sent > size*105/100 {
		t.Errorf("%d bytes were sent for %d", sent, size)
	}
}

func TestServerWithoutRangesIsReadFromTheStart(t *testing.T) {
	data := noise(size)
	ignore := func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		whole(data, "")(w, r)
	}
	f := newFake(t, torn(ignore, 1<<20), ignore)
	if sink, err := blob(t, f, data); err != nil || !bytes.Equal(sink.data, data) {
		t.Fatalf("%d bytes: %v", len(sink.data), err)
	}
}

func TestServerThatAlwaysBreaksAtOnePlaceIsGivenUp(t *testing.T) {
	data := noise(size)
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		torn(whole(data, ""), 1<<20)(w, r)
	})
	_, err := blob(t, f, data)
	if err == nil || !strings.Contains(err.Error(), "the transfer broke off after 1048576 bytes: the connection ended early") {
		t.Errorf("got %v", err)
	}
}

func TestLyingRangeIsNotTakenForTheRest(t *testing.T) {
	data := noise(size)
	for what, lie := range map[string]http.HandlerFunc{
		"another place": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 17-%d/%d", size-1, size))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(data[17:])
		},
		"nothing said":      func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusPartialContent); w.Write(data) },
		"not satisfiable":   status(http.StatusRequestedRangeNotSatisfiable),
		"whole as if asked": whole(data, ""),
	} {
		f := newFake(t, torn(whole(data, ""), 1<<20), lie, whole(data, ""))
		if sink, err := blob(t, f, data); err != nil || !bytes.Equal(sink.data, data) {
			t.Errorf("%s: %d bytes, %v", what, len(sink.data), err)
		}
	}
}

func TestStallingServerIsLeft(t *testing.T) {
	data := noise(size)
	stall := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(data[:1<<20])
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	trickle := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		for i := 0; r.Context().Err() == nil; i++ {
			w.Write(data[i : i+1])
			http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}
	for what, bad := range map[string]http.HandlerFunc{"stall": stall, "trickle": trickle} {
		f := newFake(t, bad, whole(data, ""))
		if sink, err := blob(t, f, data); err != nil || !bytes.Equal(sink.data, data) {
			t.Errorf("%s: %d bytes, %v", what, len(sink.data), err)
		}
		f = newFake(t, bad)
		if _, err := blob(t, f, data); err == nil || !strings.Contains(err.Error(), "the server stopped sending") {
			t.Errorf("%s for ever: got %v", what, err)
		}
	}
}

func TestCancelEndsATransferAndALaterOneGoesOn(t *testing.T) {
	data := noise(size)
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(data[:1<<20])
		http.NewResponseController(w).Flush()
		time.AfterFunc(50*time.Millisecond, cancel)
		<-r.Context().Done()
	}, whole(data, ""))
	sink := &memory{limit: size}
	if err := f.client(t).Blob(ctx, image1, digestOf(data), size, sink); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := f.client(t).Blob(t.Context(), image1, digestOf(data), size, sink); err != nil || !bytes.Equal(sink.data, data) {
		t.Fatalf("%d bytes: %v", len(sink.data), err)
	}
	if sent := f.sent.Load(); sent > size*105/100 {
		t.Errorf("%d bytes were sent for %d", sent, size)
	}
}

func TestTwoVersionsOfAFileAreNeverMixed(t *testing.T) {
	before, after := noise(size), bytes.Repeat([]byte{7}, size)
	for what, etags := range map[string][2]string{"strong": {`"1"`, `"2"`}, "weak": {`W/"1"`, `W/"2"`}, "none": {"", ""}} {
		f := newFake(t, torn(whole(before, etags[0]), 1<<20), whole(after, etags[1]))
		sink := &memory{limit: size}
		if err := f.client(t).File(t.Context(), "https://files.example/x", -1, sink); err != nil || !bytes.Equal(sink.data, after) {
			t.Errorf("%s: %d bytes, %v", what, len(sink.data), err)
		}
	}
}

func TestTheSameFileIsResumed(t *testing.T) {
	data := noise(size)
	f := newFake(t, torn(whole(data, `"1"`), 1<<20), whole(data, `"1"`))
	sink := &memory{limit: size}
	if err := f.client(t).File(t.Context(), "https://files.example/x", -1, sink); err != nil || !bytes.Equal(sink.data, data) {
		t.Fatal(err)
	}
	if sent := f.sent.Load(); sent > size*105/100 {
		t.Errorf("%d bytes were sent for %d", sent, size)
	}
}

func TestAFullSinkIsNoReasonToAskAgain(t *testing.T) {
	f := newFake(t, whole(noise(1000), ""))
	_, err := f.client(t).Text(t.Context(), "https://files.example/SHA256SUMS", 999)
	if err == nil || !strings.Contains(err.Error(), "larger than 999 bytes") || f.asked.Load() != 1 {
		t.Errorf("asked %d times: %v", f.asked.Load(), err)
	}
}

func TestEveryWaitIsTold(t *testing.T) {
	data := noise(1000)
	f := newFake(t, status(http.StatusServiceUnavailable), status(http.StatusTooManyRequests, "Retry-After", "1"), whole(data, ""))
	var told []string
	notice := WithNotice(func(r Retry) {
		told = append(told, fmt.Sprintf("%d/%d %v %v", r.Next, r.Of, r.Wait >= time.Second, r.Err))
	})
	sink := &memory{limit: size}
	if err := f.client(t, notice).File(t.Context(), "https://files.example/x", 1000, sink); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "2/3 false") || !strings.Contains(told[0], "503 Service Unavailable") ||
		!strings.HasPrefix(told[1], "3/3 true") || !strings.Contains(told[1], "wait 1s") {
		t.Errorf("told: %q", told)
	}
}
