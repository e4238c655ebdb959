package push

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxManifest is the size that registries must accept at least, and in practice
// the largest that they do
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests).
const maxManifest = 4 << 20

const digestHeader = "Docker-Content-Digest"

// document is a manifest or an index, byte for byte.
type document struct {
	digest, mediaType string
	data              []byte
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// hasManifest tells whether a tag or digest stands for what has the digest.
func (s *session) hasManifest(ctx context.Context, ref, digest string) (has bool, err error) {
	accept := http.Header{"Accept": {
		string(types.OCIImageIndex), string(types.DockerManifestList),
		string(types.OCIManifestSchema1), string(types.DockerManifestSchema2),
	}}
	err = s.client.retry(ctx, func(*attempts) error {
		resp, err := s.ask(ctx, http.MethodHead, s.url("manifests/"+ref), accept, http.StatusOK, http.StatusNotFound)
		has = err == nil && resp.StatusCode == http.StatusOK && resp.Header.Get(digestHeader) == digest
		return err
	})
	return has, err
}

// putManifest stores a document under a tag or under its digest.
func (s *session) putManifest(ctx context.Context, ref string, d document) error {
	return s.client.retry(ctx, func(*attempts) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.url("manifests/"+ref), bytes.NewReader(d.data))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", d.mediaType)
		resp, err := s.send(req, http.StatusCreated, http.StatusOK, http.StatusAccepted)
		if err != nil {
			return err
		}
		done(resp)
		if got := resp.Header.Get(digestHeader); got != "" && got != d.digest {
			return s.bad(resp, fmt.Errorf("the registry stored %s instead of %s", printable(got), d.digest))
		}
		return nil
	})
}

// getManifest gets the artifact's manifest that a tag or digest stands for.
func (s *session) getManifest(ctx context.Context, ref string) (d document, err error) {
	err = s.client.retry(ctx, func(*attempts) error {
		d, err = s.readManifest(ctx, ref)
		return err
	})
	return d, err
}

func (s *session) readManifest(ctx context.Context, ref string) (document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("manifests/"+ref), nil)
	if err != nil {
		return document{}, err
	}
	// The others are not wanted, but then it can be said what is there.
	req.Header["Accept"] = []string{string(types.OCIManifestSchema1), string(types.OCIImageIndex), string(types.DockerManifestSchema2), string(types.DockerManifestList)}
	resp, err := s.send(req, http.StatusOK)
	if err != nil {
		return document{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
	if err != nil {
		return document{}, s.failure(req, err)
	}
	d := document{digest: digestOf(data), mediaType: resp.Header.Get("Content-Type"), data: data}
	promised := resp.Header.Get(digestHeader)
	if digestForm.MatchString(ref) {
		promised = ref
	}
	switch {
	case len(data) > maxManifest:
		return d, s.bad(resp, fmt.Errorf("the manifest is larger than %d bytes", maxManifest))
	case promised != "" && promised != d.digest:
		return d, s.bad(resp, errors.New("the manifest has another digest than it should: "+d.digest+", not "+printable(promised)))
	}
	return d, nil
}
