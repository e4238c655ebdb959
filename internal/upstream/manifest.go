package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifestLimit is the size that registries must accept at least, and in
// practice the largest that they do
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests).
const manifestLimit = 4 << 20

// Manifest is a manifest or an index, byte for byte.
type Manifest struct {
	Bytes     []byte
	MediaType types.MediaType
	// Digest is "sha256:" and the hash of Bytes.
	Digest string
}

// Manifest gets what an upstream name with a tag or a digest stands for. Asked by
// digest, the bytes are the ones that it promises.
func (c *Client) Manifest(ctx context.Context, upstream string) (*Manifest, error) {
	img, err := c.image(upstream)
	if err != nil {
		return nil, err
	}
	var m *Manifest
	err = c.retry(ctx, func(*attempts) error {
		m, err = c.manifest(ctx, img)
		return err
	})
	return m, err
}

func (c *Client) manifest(ctx context.Context, img *image) (*Manifest, error) {
	asked := img.url("manifests", img.ref.Identifier())
	header := http.Header{"Accept": {strings.Join([]string{
		string(types.OCIImageIndex), string(types.DockerManifestList),
		string(types.OCIManifestSchema1), string(types.DockerManifestSchema2)}, ", ")}}
	resp, err := c.get(ctx, img.session, img.name, asked, header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(img.name, asked, resp)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, manifestLimit+1))
	if err != nil {
		return nil, failure(ctx, img.name, asked, err)
	}
	m, err := checkManifest(data, resp.Header, img.ref)
	if err != nil {
		return nil, &Error{Name: img.name, Asked: asked, Status: resp.StatusCode, cause: err}
	}
	return m, nil
}

func checkManifest(data []byte, header http.Header, ref name.Reference) (*Manifest, error) {
	if len(data) > manifestLimit {
		return nil, fmt.Errorf("the manifest is larger than %d bytes", manifestLimit)
	}
	m := &Manifest{Bytes: data, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data))}
	promised := header.Get("Docker-Content-Digest")
	if byDigest, ok := ref.(name.Digest); ok {
		promised = byDigest.DigestStr()
	}
	if strings.HasPrefix(promised, "sha256:") && promised != m.Digest {
		return nil, fmt.Errorf("the manifest has digest %s, not %s", m.Digest, printable(promised))
	}
	var err error
	m.MediaType, err = mediaType(data, header.Get("Content-Type"))
	return m, err
}

// mediaType finds what a manifest is. The document's own word comes first, as it
// is under the digest; the header is needed where an OCI document does not say.
func mediaType(data []byte, contentType string) (types.MediaType, error) {
	var doc struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
		Layers    json.RawMessage `json:"layers"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return "", errors.New("the answer is not a manifest: it is not JSON")
	}
	// https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh
	if doc.Manifests != nil && doc.Layers != nil {
		return "", errors.New("the manifest is ambiguous: it has both \"manifests\" and \"layers\"")
	}
	kind := doc.MediaType
	if kind == "" {
		contentType, _, _ = strings.Cut(contentType, ";")
		kind = types.MediaType(strings.TrimSpace(contentType))
	}
	switch {
	case kind == types.DockerManifestSchema1 || kind == types.DockerManifestSchema1Signed:
		return "", errors.New("the image is in docker's schema 1, which no runtime of today reads: push it again with a newer tool")
	case !kind.IsIndex() && !kind.IsImage():
		return "", fmt.Errorf("media type %q is neither an image nor an index", printable(string(kind)))
	case kind.IsIndex() && doc.Layers != nil || kind.IsImage() && doc.Manifests != nil:
		return "", fmt.Errorf("the manifest does not fit its media type %q", kind)
	}
	return kind, nil
}

// get sends one request of a session, which it opens if need be.
func (c *Client) get(ctx context.Context, s *session, upstream, asked string, header http.Header) (*http.Response, error) {
	client := c.files
	if s != nil {
		var err error
		if client, err = c.login(ctx, s); err != nil {
			return nil, failure(ctx, upstream, asked, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, asked, nil)
	if err != nil {
		return nil, &Error{Name: upstream, Asked: asked, cause: errors.New("the address is not a URL")}
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		return nil, failure(ctx, upstream, asked, err)
	}
	return resp, nil
}

// Referrers lists what says that it is about a digest, in the repository of an image;
// nil if there is nothing. A registry that cannot list it may have it under a tag
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#unavailable-referrers-api).
func (c *Client) Referrers(ctx context.Context, upstream, digest string) (*v1.IndexManifest, error) {
	img, err := c.image(upstream)
	if err != nil {
		return nil, err
	}
	all, err := c.referrers(ctx, img, digest)
	if !NotFound(err) {
		return all, err
	}
	repo, _, _ := strings.Cut(upstream, "@")
	if tag := strings.LastIndexByte(repo, ':'); tag > strings.LastIndexByte(repo, '/') {
		repo = repo[:tag]
	}
	m, err := c.Manifest(ctx, repo+":"+strings.Replace(digest, ":", "-", 1))
	switch {
	case NotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return parseReferrers(digest, m.Bytes)
}

func parseReferrers(digest string, data []byte) (*v1.IndexManifest, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading the referrers of %s: %w", digest, err)
	}
	return index, nil
}

// maxPages is more than any list has.
const maxPages = 100

// referrers asks the registry, page after page.
func (c *Client) referrers(ctx context.Context, img *image, digest string) (*v1.IndexManifest, error) {
	var all *v1.IndexManifest
	asked := img.url("referrers", digest)
	for range maxPages {
		var data []byte
		var next string
		err := c.retry(ctx, func(*attempts) (err error) {
			data, next, err = c.page(ctx, img, asked)
			return err
		})
		if err != nil {
			return nil, err
		}
		page, err := parseReferrers(digest, data)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = page
		} else {
			all.Manifests = append(all.Manifests, page.Manifests...)
		}
		if next == "" {
			return all, nil
		}
		asked = next
	}
	return nil, fmt.Errorf("reading the referrers of %s: the list has more than %d pages", digest, maxPages)
}

// page gets a page of referrers, and the address of the next.
func (c *Client) page(ctx context.Context, img *image, asked string) (data []byte, next string, err error) {
	resp, err := c.get(ctx, img.session, img.name, asked, http.Header{"Accept": {string(types.OCIImageIndex)}})
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	// What is not the specification's type is a registry that does not know the path.
	if resp.StatusCode == http.StatusOK && !strings.HasPrefix(resp.Header.Get("Content-Type"), string(types.OCIImageIndex)) {
		return nil, "", &Error{Name: img.name, Asked: asked, Status: http.StatusNotFound, cause: errors.New("there is no list of referrers")}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, "", refusal(img.name, asked, resp)
	}
	data, err = io.ReadAll(io.LimitReader(resp.Body, manifestLimit+1))
	if err == nil && len(data) > manifestLimit {
		err = fmt.Errorf("the list of referrers is larger than %d bytes", manifestLimit)
	}
	if err != nil {
		return nil, "", failure(ctx, img.name, asked, err)
	}
	return data, nextPage(asked, resp.Header.Get("Link")), nil
}

// nextPage is what a Link header says, if it is a path of the same server.
func nextPage(asked, link string) string {
	target, params, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !strings.Contains(params, `rel="next"`) && !strings.Contains(params, "rel=next") {
		return ""
	}
	from, err := url.Parse(asked)
	if err != nil {
		return ""
	}
	to, err := from.Parse(target)
	if err != nil || to.Host != from.Host || to.Scheme != from.Scheme {
		return ""
	}
	return to.String()
}
