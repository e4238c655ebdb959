package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/registry"
)

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
	m, err := img.Manifest(ctx, img.ref.Identifier())
	if err != nil {
		return nil, err
	}
	kind, err := mediaType(m.Bytes, m.ContentType)
	if err != nil {
		return nil, img.Wrong(http.MethodGet, img.URL("manifests/"+img.ref.Identifier()), err)
	}
	return &Manifest{Bytes: m.Bytes, MediaType: kind, Digest: m.Digest}, nil
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
		return "", fmt.Errorf("media type %q is neither an image nor an index", registry.Printable(string(kind)))
	case kind.IsIndex() && doc.Layers != nil || kind.IsImage() && doc.Manifests != nil:
		return "", fmt.Errorf("the manifest does not fit its media type %q", kind)
	}
	return kind, nil
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
	if !errors.Is(err, errNoList) {
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

// errNoList says that a registry has no list of referrers.
var errNoList = errors.New("there is no list of referrers")

// referrers asks the registry, page after page.
func (c *Client) referrers(ctx context.Context, img *image, digest string) (*v1.IndexManifest, error) {
	var all *v1.IndexManifest
	asked := img.URL("referrers/" + digest)
	for range maxPages {
		var data []byte
		var next string
		err := img.Retry(ctx, func(*registry.Attempts) (err error) {
			data, next, err = img.page(ctx, asked)
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
func (img *image) page(ctx context.Context, asked string) (data []byte, next string, err error) {
	data, header, err := img.GetAll(ctx, asked, http.Header{"Accept": {string(types.OCIImageIndex)}})
	if e, ok := errors.AsType[*registry.Error](err); ok && cannotList(e.Status) {
		return nil, "", errNoList
	}
	if err == nil && !strings.HasPrefix(header.Get("Content-Type"), string(types.OCIImageIndex)) {
		return nil, "", errNoList
	}
	return data, nextPage(asked, header.Get("Link")), err
}

// cannotList tells of a registry that does not know the path. Not all say 404, as the
// specification asks for; some answer as if for another kind of thing.
func cannotList(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
		return true
	}
	return false
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
