//go:build lab && linux

package world

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/plan"
)

// content is what the file server has, by path: files on disk, and the lists of
// their checksums.
type content struct {
	files map[string]string
	etags map[string]string
	sums  map[string][]byte
}

// content finds the files of a plan among the inputs.
func (in *Inputs) content(files []plan.File) (*content, error) {
	c := &content{files: map[string]string{}, etags: map[string]string{}, sums: map[string][]byte{}}
	for _, f := range files {
		source, ok := in.files[f.URL]
		if !ok {
			return nil, fmt.Errorf("file %q is not among the inputs of Kubernetes %s, which are %s",
				f.URL, in.Versions.Kubernetes, strings.Join(slices.Sorted(maps.Keys(in.files)), ", "))
		}
		if err := c.add(f, source); err != nil {
			return nil, fmt.Errorf("serving file %q: %w", f.URL, err)
		}
	}
	return c, nil
}

func (c *content) add(f plan.File, source string) error {
	at, err := address(f.URL)
	if err != nil {
		return err
	}
	sum, err := checksum(source)
	if err != nil {
		return err
	}
	c.files[at], c.etags[at] = source, `"`+sum+`"`
	if f.ChecksumURL == "" {
		return nil
	}
	list, err := address(f.ChecksumURL)
	if err != nil {
		return err
	}
	c.sums[list] = append(c.sums[list], checksumLine(list, sum, path.Base(at))...)
	return nil
}

// checksumLine is as upstream has it: Kubernetes publishes bare checksums, the
// others what sha256sum reads.
func checksumLine(list, sum, file string) string {
	if strings.HasPrefix(list, "/dl.k8s.io/") {
		return sum
	}
	return sum + "  " + file + "\n"
}

func (c *content) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if list, ok := c.sums[r.URL.Path]; ok {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(list))
		return
	}
	source, ok := c.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	f, err := os.Open(source)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()
	w.Header().Set("ETag", c.etags[r.URL.Path])
	http.ServeContent(w, r, "", time.Time{}, f)
}

func checksum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// address is the server's path for an upstream URL.
func address(upstream string) (string, error) {
	u, err := url.Parse(upstream)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%q is not a URL with a host", upstream)
	}
	return "/" + u.Host + u.Path, nil
}
