package registry

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// MaxManifest is the size that registries must accept at least, and in practice the
// largest that they do
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests).
const MaxManifest = 4 << 20

// DigestHeader is where a registry says the digest of a manifest.
const DigestHeader = "Docker-Content-Digest"

// Manifest is a manifest or an index, byte for byte.
type Manifest struct {
	Bytes []byte
	// Digest is "sha256:" and the hash of Bytes.
	Digest string
	// ContentType is what the registry says that it is.
	ContentType string
}

// AcceptManifests is the header with which every kind of manifest is asked for.
func AcceptManifests() http.Header {
	return http.Header{"Accept": {strings.Join([]string{
		string(types.OCIImageIndex), string(types.DockerManifestList),
		string(types.OCIManifestSchema1), string(types.DockerManifestSchema2)}, ", ")}}
}

// Manifest gets what a tag or a digest stands for. Asked by digest, the bytes are the
// ones that it promises.
func (s *Session) Manifest(ctx context.Context, ref string) (m *Manifest, err error) {
	address := s.URL("manifests/" + ref)
	err = s.Retry(ctx, func(*Attempts) error {
		data, header, err := s.GetAll(ctx, address, AcceptManifests())
		if err != nil {
			return err
		}
		if m, err = checkManifest(data, header, ref); err != nil {
			return s.Wrong(http.MethodGet, address, err)
		}
		return nil
	})
	return m, err
}

// GetAll gets a document that is no larger than a manifest.
func (s *Session) GetAll(ctx context.Context, address string, header http.Header) ([]byte, http.Header, error) {
	resp, err := s.Get(ctx, address, header, http.StatusOK)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
	switch {
	case err != nil:
		return nil, nil, s.failure(ctx, http.MethodGet, address, err)
	case len(data) > MaxManifest:
		return nil, nil, s.Wrong(http.MethodGet, address, fmt.Errorf("the answer is larger than %d bytes", MaxManifest))
	}
	return data, resp.Header, nil
}

func checkManifest(data []byte, header http.Header, ref string) (*Manifest, error) {
	m := &Manifest{Bytes: data, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data)), ContentType: header.Get("Content-Type")}
	promised := header.Get(DigestHeader)
	byDigest := strings.Contains(ref, ":") // no tag has a colon
	if byDigest {
		promised = ref
	}
	if (byDigest || strings.HasPrefix(promised, "sha256:")) && promised != m.Digest {
		return nil, fmt.Errorf("the manifest has digest %s, not %s", m.Digest, Printable(promised))
	}
	return m, nil
}
