package standin

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/plan"
)

// Files serves stand-ins of files, and of the lists of their checksums, at
// "/HOST/PATH" of their upstream URL. It answers ranges.
func Files(files []plan.File) (http.Handler, error) {
	content := map[string][]byte{}
	sums := map[string][]string{}
	for _, f := range files {
		at, err := address(f.URL)
		if err != nil {
			return nil, err
		}
		if content[at], err = makeFile(f); err != nil {
			return nil, fmt.Errorf("making file %q: %w", f.Path, err)
		}
		if f.ChecksumURL != "" {
			line := fmt.Sprintf("%x  %s\n", sha256.Sum256(content[at]), path.Base(at))
			sums[f.ChecksumURL] = append(sums[f.ChecksumURL], line)
		}
	}
	for checksumURL, lines := range sums {
		at, err := address(checksumURL)
		if err != nil {
			return nil, err
		}
		content[at] = checksums(at, lines)
	}
	return serve(content), nil
}

// checksums has one of the three shapes that upstream projects use.
func checksums(at string, lines []string) []byte {
	if path.Ext(at) == ".sha256" && len(lines) == 1 {
		return []byte(lines[0][:64]) // bare, even without a newline
	}
	if path.Ext(at) == ".sha256sum" && len(lines) == 1 {
		return []byte(lines[0])
	}
	other := fmt.Sprintf("%064x *some-other-file\n", 0)
	return []byte(other + strings.Join(lines, ""))
}

func serve(content map[string][]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := content[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
}

// makeFile makes an archive where the name says so, and otherwise a program that
// says what it is when somebody runs it.
func makeFile(f plan.File) ([]byte, error) {
	base := path.Base(f.Path)
	script := fmt.Sprintf("#!/bin/sh\n# Stand-in for %s\necho 'this is a stand-in for %s, not the program' >&2\nexit 1\n", f.URL, base)
	if !strings.HasSuffix(base, ".tgz") && !strings.HasSuffix(base, ".tar.gz") {
		return []byte(script), nil
	}
	return targz(entry{"bin/stand-in", 0o755, []byte(script)}, entry{"noise", 0o644, noise(f.URL, layerSize)})
}

func address(upstream string) (string, error) {
	u, err := url.Parse(upstream)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("file address %q is not a URL with a host", upstream)
	}
	return "/" + u.Host + u.Path, nil
}
