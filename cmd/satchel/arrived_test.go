package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/push"
)

// imagesArrived reads back all that whole.tar has of each image, as clients find it.
// Where the push may have been cut off, an image whose name is not there is left out.
func (s *site) imagesArrived(place string, cutOff bool) {
	s.t.Helper()
	b, err := bundle.Inspect(s.t.Context(), s.path("whole.tar"))
	if err != nil {
		s.t.Fatal(err)
	}
	tags, referrers := 0, 0
	for _, image := range b.Manifest.Images {
		r := s.reading(place + "/" + image.Name)
		if _, err := remote.Head(r.ref); cutOff && isNotFound(err) {
			continue
		}
		// The registry takes no index with platforms that the bundle lacks: then the name
		// never has upstream's digest, and push does not take the image for one that is there.
		complete := 0
		if image.StandsFor() == image.Digest {
			complete = 1
		}
		r.stands(r.ref, image.Digest)
		for _, p := range image.Platforms {
			r.stands(r.repo.Digest(p.Digest), p.Digest)
		}
		for _, a := range image.Attached {
			switch {
			case a.Subject == "": // the index that is not taken
				continue
			case a.Tag != "":
				tags += complete
				r.stands(r.repo.Tag(a.Tag), a.Digest)
			case a.ArtifactType != "":
				referrers += complete
				r.refers(a.Subject, a.Digest)
			}
			r.stands(r.repo.Digest(a.Digest), a.Digest)
		}
	}
	if !cutOff && (tags == 0 || referrers == 0 || len(b.Manifest.Images) == 0) {
		s.t.Errorf("of %d images there are %d tags and %d referrers that the next push looks for", len(b.Manifest.Images), tags, referrers)
	}
}

// bundleArrived reads back whole.tar as one artifact: each large file is a blob of its
// own, and a tar has all others.
func (s *site) bundleArrived(place string, cutOff bool) {
	s.t.Helper()
	r := s.reading(place)
	got, err := remote.Get(r.ref)
	if cutOff && isNotFound(err) {
		return
	}
	if err != nil {
		s.t.Error(err)
		return
	}
	m := r.stands(r.ref, got.Digest.String())
	if m == nil || got.ArtifactType != push.ArtifactType || len(m.Layers) < 2 {
		s.t.Errorf("%s is of the type %q: %s", r.ref, got.ArtifactType, got.Manifest)
		return
	}
	have := r.tree(m.Layers[0])
	for _, d := range m.Layers[1:] {
		have[d.Annotations["org.opencontainers.image.title"]] = d.Digest.Hex
	}
	b, err := bundle.Inspect(s.t.Context(), s.path("whole.tar"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range b.Manifest.Files {
		if have[f.Path] != f.SHA256 {
			s.t.Errorf("%s has %q in the place of %s with %s", r.ref, have[f.Path], f.Path, f.SHA256)
		}
	}
}

// reading reads a repository as others do, and hashes all that comes.
type reading struct {
	t    testing.TB
	repo name.Repository
	// ref is what the place is named by.
	ref name.Reference
}

func (s *site) reading(place string) *reading {
	s.t.Helper()
	ref, err := name.ParseReference(place, name.Insecure)
	if err != nil {
		s.t.Fatal(err)
	}
	return &reading{s.t, ref.Context(), ref}
}

func isNotFound(err error) bool {
	e, ok := errors.AsType[*transport.Error](err)
	return ok && e.StatusCode == http.StatusNotFound
}

// stands checks what a name stands for, and that all that it names is there. It returns
// the manifest unless that is an index, or is not there.
func (r *reading) stands(ref name.Reference, digest string) *v1.Manifest {
	r.t.Helper()
	got, err := remote.Get(ref)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	if hashed := fmt.Sprintf("sha256:%x", sha256.Sum256(got.Manifest)); hashed != digest {
		r.t.Errorf("%s stands for %s, want %s", ref, hashed, digest)
	}
	if got.MediaType.IsIndex() {
		index, err := v1.ParseIndexManifest(bytes.NewReader(got.Manifest))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, d := range index.Manifests {
			r.stands(r.repo.Digest(d.Digest.String()), d.Digest.String())
		}
		return nil
	}
	m, err := v1.ParseManifest(bytes.NewReader(got.Manifest))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		r.blob(d, io.Discard)
	}
	return m
}

// blob reads a blob.
func (r *reading) blob(d v1.Descriptor, to io.Writer) {
	r.t.Helper()
	layer, err := remote.Layer(r.repo.Digest(d.Digest.String()))
	if err != nil {
		r.t.Fatal(err)
	}
	content, err := layer.Compressed()
	if err != nil {
		r.t.Error(err)
		return
	}
	defer content.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, to), content)
	if hashed := fmt.Sprintf("%x", sum.Sum(nil)); err != nil || n != d.Size || hashed != d.Digest.Hex {
		r.t.Errorf("of %s with %d bytes there are %d bytes with %s, %v", d.Digest, d.Size, n, hashed, err)
	}
}

// refers checks that a client that looks for what is about a digest finds another one.
func (r *reading) refers(subject, digest string) {
	r.t.Helper()
	index, err := remote.Referrers(r.repo.Digest(subject))
	if err != nil {
		r.t.Error(err)
		return
	}
	list, err := index.IndexManifest()
	if err != nil || !slices.ContainsFunc(list.Manifests, func(d v1.Descriptor) bool { return d.Digest.String() == digest }) {
		r.t.Errorf("the referrers of %s@%s lack %s: %+v, %v", r.repo, subject, digest, list, err)
	}
}

// tree has the hashes of the files of a tar by their paths.
func (r *reading) tree(d v1.Descriptor) map[string]string {
	r.t.Helper()
	var data bytes.Buffer
	r.blob(d, &data)
	all := map[string]string{}
	for in := tar.NewReader(&data); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			r.t.Error(err)
			return all
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil {
			r.t.Error(err)
		}
		all[header.Name] = fmt.Sprintf("%x", sum.Sum(nil))
	}
}
