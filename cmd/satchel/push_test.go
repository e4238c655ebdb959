package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/push"
	"github.com/satchel-kit/satchel/internal/serve"
)

// built is a site with the reference spec's bundle in b.tar.
func built(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "b.tar")
	return s
}

// TestImagesArePushedAsTheyAreServed promises that a registry that was pushed to
// can take the place of satchel serve.
func TestImagesArePushedAsTheyAreServed(t *testing.T) {
	registry := realRegistry(t)
	s := built(t)
	said := s.must("push", "b.tar", registry, "--images", "--plain-http")
	server, err := serve.New(t.Context(), s.path("b.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	served := httptest.NewServer(server)
	defer served.Close()
	images := server.Manifest().Images
	lines := strings.Split(strings.TrimSpace(said.stdout), "\n")
	if len(lines) != len(images) {
		t.Fatalf("%d lines for %d images:\n%s", len(lines), len(images), said.stdout)
	}
	for i, image := range images {
		if want := registry + "/" + image.Name + "@" + image.Digest; lines[i] != want {
			t.Errorf("it says %s, want %s", lines[i], want)
		}
		name, tag, _ := strings.Cut(image.Name, ":")
		for _, what := range append([]string{path.Join(name, "manifests", tag)}, parts(name, image)...) {
			a, b := ask(t, served.URL, what), ask(t, "http://"+registry, what)
			if !bytes.Equal(a, b) || len(a) == 0 {
				t.Errorf("%s: %d bytes are served, %d were pushed", what, len(a), len(b))
			}
		}
	}
	var summary push.Images
	again := s.must("push", "b.tar", registry, "--images", "--plain-http", "--format", "json")
	if err := json.Unmarshal([]byte(again.stdout), &summary); err != nil || summary.Blobs.Pushed.Blobs != 0 || len(summary.Images) != len(images) {
		t.Errorf("%v: %s", err, again.stdout)
	}
}

// parts are the addresses of all that an image consists of.
func parts(name string, image bundle.Image) []string {
	var all []string
	for _, p := range image.Platforms {
		all = append(all, path.Join(name, "manifests", p.Digest), path.Join(name, "blobs", p.Config))
		for _, layer := range p.Layers {
			all = append(all, path.Join(name, "blobs", layer))
		}
	}
	return all
}

func ask(t *testing.T, server, what string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/v2/"+what, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", what, resp.Status, err)
	}
	return data
}

// TestABundleComesBackFromARegistry promises that it is the same one, from an
// archive as from a directory, and for somebody who has nothing of it.
func TestABundleComesBackFromARegistry(t *testing.T) {
	registry := realRegistry(t)
	s := built(t)
	s.must("unpack", "b.tar", "-o", "dir")
	packed := s.must("push", "b.tar", registry+"/lab:1", "--plain-http")
	unpacked := s.must("push", "dir", registry+"/lab:2", "--plain-http")
	if _, digest, _ := strings.Cut(strings.TrimSpace(packed.stdout), "@"); !strings.HasSuffix(strings.TrimSpace(unpacked.stdout), "@"+digest) {
		t.Errorf("the archive is %q, the directory %q", packed.stdout, unpacked.stdout)
	}
	for _, ref := range []string{"/lab:1", "/lab:2", strings.TrimPrefix(strings.TrimSpace(packed.stdout), registry)} {
		s.must("pull", registry+ref, "-o", "c.tar", "--plain-http", "--cache", s.path("other"))
		if !bytes.Equal(s.read("b.tar"), s.read("c.tar")) {
			t.Errorf("%s has other bytes", ref)
		}
	}
	var got push.Pulled
	again := s.must("pull", registry+"/lab:1", "-o", "c.tar", "--plain-http", "--cache", s.path("other"), "--format", "json")
	if err := json.Unmarshal([]byte(again.stdout), &got); err != nil || got.Fetched.Blobs != 0 || got.Name != "course-ha" {
		t.Errorf("%v: %s", err, again.stdout)
	}
	s.must("verify", "c.tar")
	s.fails([]string{"pull", registry + "/lab:3", "-o", "d.tar", "--plain-http"}, registry+"/lab:3", "404", "check the name and the tag")
	s.fails([]string{"pull", registry + "/lab:1", "-o", "d.tar"}, "add --plain-http")
	s.holds("b.tar", "c.tar", "dir", "other")
}
