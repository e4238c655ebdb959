package upstream

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/registry"
)

const (
	ociType = string(types.OCIManifestSchema1)
	ociDoc  = `{"schemaVersion":2,"layers":[]}`
)

func TestAnswersThatAreFinalAreNotAskedForAgain(t *testing.T) {
	for code, want := range map[int]string{
		401: "401 Unauthorized: CODE: in words [31m (check the name; if it is private, log in with `docker login 127.0.0.1:",
		403: "403 Forbidden",
		404: "404 Not Found: CODE: in words [31m (the name or tag does not exist there)",
	} {
		f := newFake(t, status(code))
		_, err := f.client(t).Manifest(t.Context(), image1)
		e, ok := errors.AsType[*registry.Error](err)
		if !ok || e.Status != code || Temporary(err) {
			t.Fatalf("%d: got %#v", code, err)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if !strings.HasPrefix(err.Error(), `fetching "`+image1+`" from `+f.URL+"/v2/mirror/team/app/manifests/1: ") {
			t.Errorf("neither name nor mirror: %v", err)
		}
		if f.asked.Load() != 1 {
			t.Errorf("%d: asked %d times", code, f.asked.Load())
		}
	}
}

func TestAnswersThatMayChangeAreAskedForAgain(t *testing.T) {
	good := manifest(ociDoc, ociType)
	for what, bad := range map[string]http.HandlerFunc{
		"500": status(500), "502": status(502), "503": status(503), "429": status(429),
		"reset":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"truncated": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "99"); good(w, r) },
		"stall":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		f := newFake(t, bad, good)
		m, err := f.client(t).Manifest(t.Context(), image1)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if string(m.Bytes) != ociDoc || m.MediaType != types.OCIManifestSchema1 || m.Digest != digestOf([]byte(ociDoc)) {
			t.Errorf("%s: got %+v", what, m)
		}
	}
}

func TestAServerThatStaysBrokenIsGivenUp(t *testing.T) {
	f := newFake(t, status(503))
	_, err := f.client(t).Manifest(t.Context(), image1)
	if !Temporary(err) || f.asked.Load() != 3 {
		t.Errorf("asked %d times: %v", f.asked.Load(), err)
	}
	if !strings.Contains(err.Error(), "503 Service Unavailable") || !strings.Contains(err.Error(), "try again later") {
		t.Errorf("no hint: %v", err)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	f := newFake(t, status(429, "Retry-After", "1"), manifest(ociDoc, ociType))
	begin := time.Now()
	if _, err := f.client(t).Manifest(t.Context(), image1); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(begin); waited < time.Second {
		t.Errorf("waited %s, want 1s", waited)
	}
}

func TestRetryAfterManyFailuresStillEnds(t *testing.T) {
	f := newFake(t, status(429, "Retry-After", "1"))
	_, err := f.client(t).Manifest(t.Context(), image1)
	if f.asked.Load() != 3 || !strings.Contains(err.Error(), "429 Too Many Requests") {
		t.Errorf("asked %d times: %v", f.asked.Load(), err)
	}
}

func TestAWaitThatIsTooLongIsReportedAtOnce(t *testing.T) {
	f := newFake(t, status(429, "Retry-After", "21600"))
	_, err := f.client(t).Manifest(t.Context(), image1)
	if f.asked.Load() != 1 || err == nil || !strings.Contains(err.Error(), "wait 6h0m0s") {
		t.Errorf("asked %d times: %v", f.asked.Load(), err)
	}
}

func TestManifestsThatCannotBeTrustedAreRefused(t *testing.T) {
	byDigest := "registry.example/team/app@" + digestOf([]byte("other"))
	for what, c := range map[string]struct{ ask, doc, kind, want string }{
		"other digest": {byDigest, ociDoc, ociType, "the manifest has digest sha256:"},
		"too large":    {image1, `{"layers":"` + strings.Repeat("x", registry.MaxManifest) + `"}`, ociType, "larger than"},
		"both":         {image1, `{"layers":[],"manifests":[]}`, ociType, "ambiguous"},
		"other kind":   {image1, `{"manifests":[]}`, ociType, "does not fit"},
		"page":         {image1, `<html>log in</html>`, "text/html", "not JSON"},
		"other JSON":   {image1, `{}`, "application/json", `media type "application/json" is neither`},
		"schema 1":     {image1, `{}`, string(types.DockerManifestSchema1Signed), "schema 1"},
	} {
		f := newFake(t, manifest(c.doc, c.kind))
		_, err := f.client(t).Manifest(t.Context(), c.ask)
		if err == nil || !strings.Contains(err.Error(), c.want) || f.asked.Load() != 1 {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestBadNamesAreErrors(t *testing.T) {
	f := newFake(t, status(500))
	for _, ref := range []string{"", "UPPER/x", "registry.example/x:y:z", "registry.example/x@sha256:1"} {
		if _, err := f.client(t).Manifest(t.Context(), ref); err == nil {
			t.Errorf("%q: no error", ref)
		}
	}
	if f.asked.Load() != 0 {
		t.Error("the server was asked")
	}
}

func TestCancelEndsTheWaiting(t *testing.T) {
	f := newFake(t, status(429, "Retry-After", "2"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := f.client(t).Manifest(ctx, image1)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
}

func TestPlainHTTPIsNotSpokenUnlessTheMirrorSaysSo(t *testing.T) {
	f := newFake(t, manifest(ociDoc, ociType))
	c, err := New([]plan.Source{{Prefix: "registry.example", Mirror: f.host()}}, quick())
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Manifest(t.Context(), image1)
	if err == nil || f.asked.Load() != 0 {
		t.Fatalf("the server was asked %d times; got %v", f.asked.Load(), err)
	}
	if !strings.Contains(err.Error(), "begin the mirror in `sources:` with http://") {
		t.Errorf("no hint: %v", err)
	}
}

func TestAnUnknownCertificateIsReportedAtOnceWithAHint(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	c, err := New([]plan.Source{{Prefix: "registry.example", Mirror: strings.TrimPrefix(s.URL, "https://")}}, WithPatience(Patience{Idle: time.Second, Tries: 5, Pause: time.Minute}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Manifest(t.Context(), image1); err == nil || !strings.Contains(err.Error(), "--ca") {
		t.Errorf("got %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(ociDoc), ociType)
	f.Add([]byte(`{"manifests":[],"mediaType":"x"}`), "application/json; charset=utf-8")
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		kind, err := mediaType(data, contentType)
		if err == nil && !kind.IsImage() && !kind.IsIndex() {
			t.Errorf("accepted media type %q", kind)
		}
	})
}
