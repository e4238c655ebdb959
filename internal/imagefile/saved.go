package imagefile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/satchel-kit/satchel/internal/archive"
)

// saved is one image in the manifest.json of docker save
// (https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format).
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func readSaved(t tree, data []byte) ([]*Image, error) {
	var list []saved
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("reading manifest.json: %w", err)
	}
	var images []*Image
	for n, s := range list {
		i, err := s.image(t)
		if err != nil {
			return nil, fmt.Errorf("reading image %d of manifest.json, %q: %w", n+1, s.RepoTags, err)
		}
		images = append(images, i)
	}
	return images, nil
}

// image makes the manifest that docker save leaves out.
func (s saved) image(t tree) (*Image, error) {
	i := &Image{Names: s.RepoTags, tree: t, blobs: map[string]string{}}
	raw, err := readFile(t, path.Clean(s.Config))
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(s.Layers) {
		return nil, fmt.Errorf("the config is about %d layers, and there are %d", len(config.RootFS.DiffIDs), len(s.Layers))
	}
	described := newDocument(raw, types.OCIConfigJSON)
	i.blobs[described.Digest] = path.Clean(s.Config)
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{}}
	if m.Config, err = descriptor(types.OCIConfigJSON, described.Digest, int64(len(raw))); err != nil {
		return nil, err
	}
	for n, file := range s.Layers {
		file = path.Clean(file)
		layer, err := savedLayer(t, file, config.RootFS.DiffIDs[n].String())
		if err != nil {
			return nil, fmt.Errorf("reading layer %d, %q: %w", n+1, file, err)
		}
		i.blobs[layer.Digest.String()] = file
		m.Layers = append(m.Layers, layer)
	}
	data, err := json.Marshal(m)
	i.Top = newDocument(data, types.OCIManifestSchema1)
	return i, err
}

func descriptor(mediaType types.MediaType, digest string, size int64) (v1.Descriptor, error) {
	hash, err := v1.NewHash(digest)
	return v1.Descriptor{MediaType: mediaType, Digest: hash, Size: size}, err
}

// savedLayer describes a layer that has a diff ID. One that is not compressed has it for
// a digest, so that who reads the layer checks it; in a compressed one it is checked here.
func savedLayer(t tree, file, diffID string) (v1.Descriptor, error) {
	f, size, err := t.Open(file)
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 256<<10)
	head, err := in.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return v1.Descriptor{}, err
	}
	switch with := archive.Compression(head); with {
	case "":
		return descriptor(types.OCIUncompressedLayer, diffID, size)
	case "gzip":
		digest, err := checkGzip(in, diffID)
		if err != nil {
			return v1.Descriptor{}, err
		}
		return descriptor(types.OCILayer, digest, size)
	default:
		return v1.Descriptor{}, fmt.Errorf("it is compressed with %s: save the image as an OCI layout", with)
	}
}

// checkGzip hashes a layer as it is and as it is without compression.
func checkGzip(in io.Reader, diffID string) (digest string, err error) {
	sum, inside := sha256.New(), sha256.New()
	all := io.TeeReader(in, sum)
	z, err := gzip.NewReader(all)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(inside, z); err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, all); err != nil {
		return "", err
	}
	if got := fmt.Sprintf("sha256:%x", inside.Sum(nil)); got != diffID {
		return "", fmt.Errorf("without its compression it has the digest %s, and the config says %s", got, diffID)
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil)), nil
}
