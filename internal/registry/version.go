package registry

import (
	"net/http"
	"strings"
	"time"
)

// settled is by how much a file has to be older than the answer for its time to tell its
// versions apart.
const settled = time.Minute

// version is what identifies the bytes of an answer for good: a strong validator, which is
// an ETag, or a time to which nothing more can happen (RFC 9110, 8.8.1 and 8.8.2.2).
func version(header http.Header) string {
	if etag := header.Get("ETag"); strings.HasPrefix(etag, `"`) {
		return etag
	}
	modified := header.Get("Last-Modified")
	at, err := http.ParseTime(modified)
	if err != nil {
		return ""
	}
	if now, err := http.ParseTime(header.Get("Date")); err != nil || now.Sub(at) < settled {
		return ""
	}
	return modified
}

// condition is the header of a request for what is not that version.
func condition(version string) string {
	if strings.HasPrefix(version, `"`) {
		return "If-None-Match"
	}
	return "If-Modified-Since"
}
