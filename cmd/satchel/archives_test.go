package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// savedImage is what docker save writes of an image for amd64 with one layer.
func savedImage(t testing.TB, content string) []byte {
	t.Helper()
	layer := tarOf(t, "etc/motd", content)
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{"Cmd":["/web"]},"rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`, sha256.Sum256(layer))
	return tarOf(t, "abc/layer.tar", string(layer), "config.json", config,
		"manifest.json", `[{"Config":"config.json","RepoTags":["web:1.0"],"Layers":["abc/layer.tar"]}]`)
}

func tarOf(t testing.TB, namesAndTexts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(namesAndTexts); i += 2 {
		name, text := namesAndTexts[i], namesAndTexts[i+1]
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asIs(h http.Handler) http.Handler { return h }

func TestAnImageOfDockerSaveGoesIntoTheBundle(t *testing.T) {
	s := newSite(t)
	s.write("spec/web.cue", `package cluster

imageArchives: "registry.example.com/app/web:1.0": path: "images/web.tar"
`)
	s.write("spec/images/web.tar", string(savedImage(t, "hello\n")))
	s.upstream(asIs)
	s.must("vet", "spec")
	s.must("lock", "spec")
	if lock := string(s.read("spec/satchel.lock")); !strings.Contains(lock, `"path": "images/web.tar"`) || !strings.Contains(lock, "application/vnd.oci.image.layer.v1.tar\"") {
		t.Errorf("the lock has not the image:\n%s", lock)
	}
	// On a machine that has the file and not the cache, without a network.
	s.must("build", "spec", "-o", "a.tar")
	for i := range s.env {
		if strings.HasPrefix(s.env[i], "SATCHEL_CACHE=") {
			s.env[i] = "SATCHEL_CACHE=" + s.path("other-cache")
		}
	}
	s.must("build", "spec", "-o", "b.tar")
	if !bytes.Equal(s.read("a.tar"), s.read("b.tar")) {
		t.Error("the two bundles differ")
	}
	if err := os.Remove(s.path("spec/images/web.tar")); err != nil {
		t.Fatal(err)
	}
	// Once it is in the cache, the file is no longer needed.
	s.must("build", "spec", "-o", "c.tar", "--offline")
	s.must("verify", "c.tar")
	if o := s.must("inspect", "c.tar", "--all"); !strings.Contains(o.stdout, "registry.example.com/app/web:1.0") {
		t.Errorf("the image is not in the bundle:\n%s", o.stdout)
	}
	s.write("spec/images/web.tar", string(savedImage(t, "something else\n")))
	if o := s.run("lock", "spec", "--check"); o.status != 1 || !strings.Contains(o.stdout, "image registry.example.com/app/web:1.0 moved from sha256:") {
		t.Errorf("a changed archive: %+v", o)
	}
	if o := s.must("lock", "spec", "--update", "app/web"); !strings.Contains(o.stdout, "registry.example.com/app/web:1.0 for linux/amd64 moved") {
		t.Errorf("update: %+v", o)
	}
}

// cosignSave is what cosign save writes of an image and its signature, as a tar, and the
// tag that the signature has in a registry.
func cosignSave(t testing.TB) (data []byte, tag string) {
	t.Helper()
	files := []string{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`}
	put := func(content string) (digest string) {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
		files = append(files, "blobs/sha256/"+sum, content)
		return "sha256:" + sum
	}
	var list []string
	manifest := func(kind, config, layerType, layer string) (digest string) {
		m := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":%d,"digest":%q},"layers":[{"mediaType":%q,"size":%d,"digest":%q}]}`,
			len(config), put(config), layerType, len(layer), put(layer))
		digest = put(m)
		list = append(list, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":%d,"digest":%q,"annotations":{"kind":"dev.cosignproject.cosign/%s","org.opencontainers.image.ref.name":"example.com/web:1.0"}}`, len(m), digest, kind))
		return digest
	}
	layer := string(tarOf(t, "etc/motd", "hello\n"))
	digest := manifest("image", fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`, sha256.Sum256([]byte(layer))),
		"application/vnd.oci.image.layer.v1.tar", layer)
	manifest("sigs", `{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]}}`, "application/vnd.dev.cosign.simplesigning.v1+json", `{"critical":{"image":{"docker-manifest-digest":"`+digest+`"}}}`)
	files = append(files, "index.json", `{"schemaVersion":2,"manifests":[`+strings.Join(list, ",")+`]}`)
	return tarOf(t, files...), strings.Replace(digest, ":", "-", 1) + ".sig"
}

func TestTheSignatureInAnArchiveGoesIntoTheBundle(t *testing.T) {
	s := newSite(t)
	data, tag := cosignSave(t)
	s.write("spec/web.cue", "package cluster\n\nattestations: \"keep\"\nimageArchives: \"registry.example.com/app/web:1.0\": path: \"web.tar\"\n")
	s.write("spec/web.tar", string(data))
	s.upstream(asIs)
	s.must("lock", "spec")
	if lock := string(s.read("spec/satchel.lock")); !strings.Contains(lock, `"tag": "`+tag+`"`) {
		t.Errorf("the lock has not the signature:\n%s", lock)
	}
	for i := range s.env {
		if strings.HasPrefix(s.env[i], "SATCHEL_CACHE=") {
			s.env[i] = "SATCHEL_CACHE=" + s.path("other-cache")
		}
	}
	s.must("build", "spec", "-o", "a.tar")
	s.must("verify", "a.tar")
	s.must("unpack", "a.tar", "-o", "out")
	if list := string(s.read("out/bundle.json")); !strings.Contains(list, tag) {
		t.Error("the bundle has not the signature")
	}
	s.must("lock", "spec", "--check")
}

func TestAnArchiveThatIsNoneIsSaidOnOneLine(t *testing.T) {
	s := newSite(t)
	s.write("spec/web.cue", "package cluster\n\nimageArchives: \"registry.example.com/app/web:1.0\": path: \"web.tar\"\n")
	s.upstream(asIs)
	s.write("spec/web.tar", strings.Repeat("no archive\n", 100))
	s.fails([]string{"lock", "spec"}, `locking image "registry.example.com/app/web:1.0": reading "web.tar": it is not a tar archive`)
	s.write("spec/web.cue", "package cluster\n\nimageArchives: \"registry.example.com/app/web:1.0\": path: \"../web.tar\"\n")
	s.fails([]string{"vet", "spec"}, "web.cue:3:52: imageArchives.registry.example.com/app/web:1.0.path", "images/web-{arch}.tar")
	s.write("spec/web.cue", "package cluster\n\nimageArchives: \"registry.example.com/app/web@sha256:0\": path: \"web.tar\"\n")
	s.fails([]string{"vet", "spec"}, "a full name with tag such as docker.io/example/web:1.0")
	s.write("spec/web.cue", `package cluster

imageArchives: "registry.example.com/app/web:1.0": path: "web.tar"
derivedImages: "registry.example.com/app/web:1.0": base: "docker.io/library/nginx:1.27.3"
derivedImages: "registry.example.com/app/more:1.0": base: "registry.example.com/app/web:1.0"
`)
	s.fails([]string{"vet", "spec"}, "web.cue:3:", "a name that derivedImages has not: an image comes from one place")
	s.fails([]string{"vet", "spec"}, "web.cue:5:", "an image of a registry, not one of imageArchives")
}
