package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestManifestsAreServedByTagAndByDigest(t *testing.T) {
	path := packed(t)
	s, dir := open(t, path), unpacked(t, path)
	single, both := image(t, s, pause), image(t, s, busybox)
	const index, oci, docker = indexType, "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"
	for target, want := range map[string]struct{ digest, mediaType string }{
		"registry.k8s.io/pause/manifests/3.10":                                     {single.Digest, oci},
		"registry.k8s.io/pause/manifests/" + single.Digest:                         {single.Digest, oci},
		"pause/manifests/3.10?ns=registry.k8s.io":                                  {single.Digest, oci},
		"registry.k8s.io/pause/manifests/3.10?ns=10.0.0.20:5000":                   {single.Digest, oci},
		"docker.io/library/busybox/manifests/1.37":                                 {both.Digest, index},
		"library/busybox/manifests/1.37?ns=docker.io":                              {both.Digest, index},
		"library/busybox/manifests/" + both.Platforms[1].Digest + "?ns=docker.io":  {both.Platforms[1].Digest, docker},
		"docker.io/library/busybox/manifests/" + both.Platforms[0].Digest:          {both.Platforms[0].Digest, docker},
		"team/tool/manifests/v1?ns=registry.example:5000":                          {image(t, s, private).Digest, index},
		"registry.example:5000/team/tool/manifests/" + image(t, s, private).Digest: {image(t, s, private).Digest, index},
	} {
		content := read(t, filepath.Join(dir, "images/blobs/sha256", strings.TrimPrefix(want.digest, "sha256:")))
		for _, method := range []string{"GET", "HEAD"} {
			got := ask(s, method, "/v2/"+target)
			h := got.Header()
			if got.Code != 200 || h.Get("Content-Type") != want.mediaType || h.Get("Docker-Content-Digest") != want.digest ||
				h.Get("ETag") != `"`+want.digest+`"` || h.Get("Content-Length") != fmt.Sprint(len(content)) {
				t.Errorf("%s %s: %d %v", method, target, got.Code, h)
			}
			if method == "GET" && got.Body.String() != string(content) || method == "HEAD" && got.Body.Len() > 0 {
				t.Errorf("%s %s: has other content", method, target)
			}
		}
	}
}

func TestBlobsAreServedWholeAndInParts(t *testing.T) {
	path := packed(t)
	s, dir := open(t, path), unpacked(t, path)
	digest := image(t, s, busybox).Platforms[0].Layers[0]
	content := string(read(t, filepath.Join(dir, "images/blobs/sha256", digest[7:])))
	at := "/v2/docker.io/library/busybox/blobs/" + digest
	size := len(content)
	for _, test := range []struct {
		header []string
		status int
		want   string
	}{
		{nil, 200, content},
		{[]string{"Range", "bytes=0-0"}, 206, content[:1]},
		{[]string{"Range", "bytes=1000-"}, 206, content[1000:]},
		{[]string{"Range", "bytes=-5"}, 206, content[size-5:]},
		{[]string{"Range", fmt.Sprintf("bytes=%d-", size)}, 416, "invalid range: failed to overlap\n"},
		{[]string{"Range", "bytes=5-9", "If-Range", `"` + digest + `"`}, 206, content[5:10]},
		{[]string{"Range", "bytes=5-9", "If-Range", `"other"`}, 200, content},
		{[]string{"If-None-Match", `"` + digest + `"`}, 304, ""},
	} {
		got := ask(s, "GET", at, test.header...)
		if got.Code != test.status || got.Body.String() != test.want {
			t.Errorf("%q: status %d with %d bytes, want %d with %d", test.header, got.Code, got.Body.Len(), test.status, len(test.want))
		}
		if head := ask(s, "HEAD", at, test.header...); head.Code != test.status || head.Body.Len() > 0 && test.status < 400 {
			t.Errorf("HEAD %q: status %d with %d bytes", test.header, head.Code, head.Body.Len())
		}
	}
}

// TestRefusals has every error that a client may meet, in the specification's form.
func TestRefusals(t *testing.T) {
	s := open(t, packed(t))
	layer := image(t, s, busybox).Platforms[0].Layers[0]
	manifest := image(t, s, busybox).Digest
	absent := "sha256:" + strings.Repeat("0", 64)
	for _, test := range []struct {
		method, target string
		status         int
		code, says     string
	}{
		{"GET", "nothing/manifests/v1", 404, "NAME_UNKNOWN", "nothing"},
		{"GET", "pause/manifests/3.10?ns=docker.io", 404, "NAME_UNKNOWN", "docker.io/pause"},
		{"GET", "nothing/tags/list", 404, "NAME_UNKNOWN", "/v2/_catalog"},
		{"GET", "registry.k8s.io/pause/manifests/3.9", 404, "MANIFEST_UNKNOWN", `["3.10" "3.6"]`},
		{"GET", "registry.k8s.io/pause/manifests/" + manifest, 404, "MANIFEST_UNKNOWN", manifest},
		{"GET", "registry.k8s.io/pause/manifests/sha256:", 400, "DIGEST_INVALID", "sha256:"},
		{"GET", "registry.k8s.io/pause/blobs/" + layer, 404, "BLOB_UNKNOWN", layer},
		{"GET", "registry.k8s.io/pause/blobs/" + absent, 404, "BLOB_UNKNOWN", absent},
		{"GET", "docker.io/library/busybox/blobs/" + manifest, 404, "BLOB_UNKNOWN", manifest},
		{"GET", "registry.k8s.io/pause/blobs/3.10", 400, "DIGEST_INVALID", "3.10"},
		{"GET", "registry.k8s.io/pause/referrers/x", 400, "DIGEST_INVALID", "x"},
		{"GET", "registry.k8s.io/pause/tags/other", 404, "UNSUPPORTED", "tags/other"},
		{"GET", "registry.k8s.io/pause", 404, "UNSUPPORTED", "pause"},
		{"GET", "manifests/v1", 404, "UNSUPPORTED", "manifests/v1"},
		{"GET", "_catalog?n=x", 400, "PAGINATION_NUMBER_INVALID", `"x"`},
		{"GET", "registry.k8s.io/pause/tags/list?n=-1", 400, "PAGINATION_NUMBER_INVALID", `"-1"`},
		{"POST", "registry.k8s.io/pause/blobs/uploads/", 405, "UNSUPPORTED", "POST"},
		{"PUT", "registry.k8s.io/pause/manifests/3.11", 405, "UNSUPPORTED", "read-only"},
		{"PATCH", "registry.k8s.io/pause/blobs/uploads/1", 405, "UNSUPPORTED", "read-only"},
		{"DELETE", "registry.k8s.io/pause/manifests/3.10", 405, "UNSUPPORTED", "read-only"},
	} {
		got := ask(s, test.method, "/v2/"+test.target)
		var body struct {
			Errors []struct{ Code, Message string }
		}
		if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || len(body.Errors) != 1 {
			t.Errorf("%s %s: %v in %q", test.method, test.target, err, got.Body)
			continue
		}
		e := body.Errors[0]
		if got.Code != test.status || e.Code != test.code || !strings.Contains(e.Message, test.says) || got.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %q", test.method, test.target, got.Code, e)
		}
		if allow := got.Header().Get("Allow"); (allow == "GET, HEAD") != (test.status == 405) {
			t.Errorf("%s %s: allows %q", test.method, test.target, allow)
		}
	}
}

func TestListsComeInPages(t *testing.T) {
	s := open(t, packed(t))
	for target, want := range map[string]struct{ body, link string }{
		"_catalog":     {`{"repositories":["docker.io/library/busybox","registry.example:5000/team/tool","registry.k8s.io/pause"]}`, ""},
		"_catalog?n=2": {`{"repositories":["docker.io/library/busybox","registry.example:5000/team/tool"]}`, `</v2/_catalog?last=registry.example%3A5000%2Fteam%2Ftool&n=2>; rel="next"`},
		"_catalog?n=3": {`{"repositories":["docker.io/library/busybox","registry.example:5000/team/tool","registry.k8s.io/pause"]}`, ""},
		"_catalog?n=0": {`{"repositories":[]}`, ""},
		"_catalog?last=docker.io/library/busybox&n=1": {`{"repositories":["registry.example:5000/team/tool"]}`, `</v2/_catalog?last=registry.example%3A5000%2Fteam%2Ftool&n=1>; rel="next"`},
		"_catalog?last=p":                                 {`{"repositories":["registry.example:5000/team/tool","registry.k8s.io/pause"]}`, ""},
		"_catalog?last=z":                                 {`{"repositories":[]}`, ""},
		"registry.k8s.io/pause/tags/list":                 {`{"name":"registry.k8s.io/pause","tags":["3.10","3.6"]}`, ""},
		"pause/tags/list?ns=registry.k8s.io&n=1":          {`{"name":"registry.k8s.io/pause","tags":["3.10"]}`, `</v2/pause/tags/list?last=3.10&n=1&ns=registry.k8s.io>; rel="next"`},
		"registry.k8s.io/pause/tags/list?last=3.10":       {`{"name":"registry.k8s.io/pause","tags":["3.6"]}`, ""},
		"registry.k8s.io/pause/tags/list?last=3.6&n=1000": {`{"name":"registry.k8s.io/pause","tags":[]}`, ""},
	} {
		got := ask(s, "GET", "/v2/"+target)
		if got.Code != 200 || got.Body.String() != want.body || got.Header().Get("Link") != want.link {
			t.Errorf("%s: %d %q\n%s", target, got.Code, got.Header().Get("Link"), got.Body)
		}
	}
}

func TestTheSmallAnswers(t *testing.T) {
	s := open(t, packed(t))
	digest := image(t, s, pause).Digest
	for target, want := range map[string]string{
		"/v2/":     "{}",
		"/v2":      "{}",
		"/healthz": "ok\n",
		"/v2/registry.k8s.io/pause/referrers/" + digest: `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`,
		"/files/amd64/odd%20name%253a+.tgz":             "odd",
	} {
		if got := ask(s, "GET", target); got.Code != 200 || got.Body.String() != want {
			t.Errorf("%s: %d %q", target, got.Code, got.Body)
		}
	}
	if got := ask(s, "GET", "/v2/"); got.Header().Get("Docker-Distribution-API-Version") != "registry/2.0" {
		t.Errorf("%v", got.Header())
	}
	if got := ask(s, "GET", "/files/amd64/kubeadm", "Range", "bytes=8-14"); got.Code != 206 || got.Body.String() != "kubeadm" {
		t.Errorf("%d %q", got.Code, got.Body)
	}
}

// TestOnlyFilesAndPackagesAreServed promises that the rest of a bundle, and of the
// disk, is not.
func TestOnlyFilesAndPackagesAreServed(t *testing.T) {
	path := packed(t)
	for _, s := range []*Server{open(t, path), open(t, unpacked(t, path))} {
		for _, target := range []string{
			"/", "/bundle.json", "/install.sh", "/images/index.json", "/files", "/files/", "/files/amd64", "/files/../install.sh",
			"/files/%2e%2e/bundle.json", "/files//amd64/kubeadm", "/files/amd64/kubeadm/", "/packages/../files/amd64/kubeadm", "/files/../../../../etc/passwd",
		} {
			if got := ask(s, "GET", target); got.Code != http.StatusNotFound {
				t.Errorf("%s: %d %q", target, got.Code, got.Body)
			}
		}
		if got := ask(s, "PUT", "/files/amd64/kubeadm"); got.Code != 405 || got.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("PUT: %d %v", got.Code, got.Header())
		}
	}
}
