package push

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"

	"github.com/satchel-kit/satchel/internal/registry"
)

// document is a manifest or an index, byte for byte.
type document struct {
	digest, mediaType string
	data              []byte
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// hasManifest tells whether a tag or digest stands for what has the digest.
func (s *session) hasManifest(ctx context.Context, ref, digest string) (has bool, err error) {
	err = s.Retry(ctx, func(*registry.Attempts) error {
		resp, err := s.Ask(ctx, http.MethodHead, s.URL("manifests/"+ref), registry.AcceptManifests(), http.StatusOK, http.StatusNotFound)
		has = err == nil && resp.StatusCode == http.StatusOK && resp.Header.Get(registry.DigestHeader) == digest
		return err
	})
	return has, err
}

// putManifest stores a document under a tag or under its digest.
func (s *session) putManifest(ctx context.Context, ref string, d document) error {
	return s.Retry(ctx, func(*registry.Attempts) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL("manifests/"+ref), bytes.NewReader(d.data))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", d.mediaType)
		resp, err := s.Send(req, http.StatusCreated, http.StatusOK, http.StatusAccepted)
		if err != nil {
			return err
		}
		registry.Done(resp)
		if got := resp.Header.Get(registry.DigestHeader); got != "" && got != d.digest {
			return s.wrong(resp, fmt.Errorf("the registry stored %s instead of %s", registry.Printable(got), d.digest))
		}
		return nil
	})
}

// getManifest gets the manifest that a tag or digest stands for.
func (s *session) getManifest(ctx context.Context, ref string) (document, error) {
	m, err := s.Manifest(ctx, ref)
	if err != nil {
		return document{}, err
	}
	return document{digest: m.Digest, mediaType: m.ContentType, data: m.Bytes}, nil
}
