package serve

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// targets are requests that have an answer in the bundle.
func targets(s *Server) []string {
	all := []string{"/v2/", "/v2/_catalog?n=1", "/healthz"}
	for _, i := range s.Manifest().Images {
		name, tag := splitName(i.Name)
		at := "/v2/" + name
		all = append(all, at+"/tags/list", at+"/manifests/"+tag, at+"/manifests/"+i.Digest)
		for _, p := range i.Platforms {
			all = append(all, at+"/manifests/"+p.Digest, at+"/blobs/"+p.Config)
			for _, layer := range p.Layers {
				all = append(all, at+"/blobs/"+layer)
			}
		}
	}
	for _, f := range s.Manifest().Files {
		all = append(all, "/"+strings.ReplaceAll(strings.ReplaceAll(f.Path, "%", "%25"), " ", "%20"))
	}
	return all
}

// TestAnArchiveAndADirectoryAnswerAlike compares every answer that they have.
func TestAnArchiveAndADirectoryAnswerAlike(t *testing.T) {
	path := packed(t)
	archive, dir := open(t, path), open(t, unpacked(t, path))
	good := 0
	for _, target := range targets(archive) {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			for _, part := range []string{"", "bytes=3-9", "bytes=-1", "bytes=0-1,5-6"} {
				a, b := ask(archive, method, target, "Range", part), ask(dir, method, target, "Range", part)
				if what := difference(a, b); what != "" {
					t.Errorf("%s %s, range %q: other %s", method, target, part, what)
				}
				if a.Code < 300 {
					good++
				}
			}
		}
	}
	if good < 200 {
		t.Errorf("only %d requests had an answer", good)
	}
}

func difference(a, b *httptest.ResponseRecorder) string {
	const parts = "multipart/byteranges; boundary="
	typeA, typeB := a.Header().Get("Content-Type"), b.Header().Get("Content-Type")
	if strings.HasPrefix(typeA, parts) && strings.HasPrefix(typeB, parts) {
		return "" // the boundary is random
	}
	switch {
	case a.Code != b.Code:
		return "status"
	case !maps.EqualFunc(a.Header(), b.Header(), slices.Equal[[]string]):
		return "header"
	case a.Body.String() != b.Body.String():
		return "content"
	}
	return ""
}

// FuzzRequest promises that no request makes the server panic or gives out what the
// bundle does not list.
func FuzzRequest(f *testing.F) {
	path := packed(f)
	archive, dir := open(f, path), open(f, unpacked(f, path))
	known := map[string]bool{}
	for _, file := range archive.Manifest().Files {
		known[`"sha256:`+file.SHA256+`"`] = true
	}
	for _, target := range targets(archive) {
		f.Add("GET", target, "")
	}
	for _, target := range []string{"/files/../../etc/passwd", "/v2/../../etc/passwd", "/v2//manifests/x", "/v2/a/manifests/", "/v2/%00/blobs/sha256:x?ns=%2f..", "/v2/x/tags/list?n=99999999999999999999"} {
		f.Add("GET", target, "bytes=0-")
	}
	f.Fuzz(func(t *testing.T, method, target, part string) {
		r, err := http.NewRequest(method, "http://host"+target, nil)
		if err != nil {
			t.Skip("no client can send it")
		}
		r.Header.Set("Range", part)
		var answers [2]*httptest.ResponseRecorder
		for i, s := range []*Server{archive, dir} {
			answers[i] = httptest.NewRecorder()
			s.ServeHTTP(answers[i], r)
		}
		if what := difference(answers[0], answers[1]); what != "" {
			t.Errorf("other %s of archive and directory", what)
		}
		a := answers[0]
		if tag := a.Header().Get("ETag"); tag != "" && !known[tag] {
			t.Errorf("it gave out %s", tag)
		}
		if a.Code >= 500 {
			t.Errorf("status %d: %s", a.Code, a.Body)
		}
	})
}
