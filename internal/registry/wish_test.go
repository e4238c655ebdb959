package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// TestALoginWaitsAsLongAsTheServerWishes has a registry, or its token server, that is busy
// at first, and says for how long.
func TestALoginWaitsAsLongAsTheServerWishes(t *testing.T) {
	// By plain HTTP the library asks twice at once whether it is a registry.
	for path, busy := range map[string]int{"/v2/": 2, "/token": 1} {
		for what, c := range map[string]struct {
			status int
			header string
			want   time.Duration
		}{
			"seconds":    {http.StatusTooManyRequests, "1", time.Second},
			"a date":     {http.StatusServiceUnavailable, "Fri, 02 Jan 2026 03:04:06 GMT", time.Second},
			"too long":   {http.StatusTooManyRequests, "600", 10 * time.Minute},
			"not a word": {http.StatusTooManyRequests, "", 0},
		} {
			t.Run(path+" "+what, func(t *testing.T) {
				t.Parallel()
				asked := 0
				var mu sync.Mutex
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					if r.URL.Path == path {
						if asked++; asked <= busy {
							w.Header().Set("Date", "Fri, 02 Jan 2026 03:04:05 GMT")
							w.Header().Set("Retry-After", c.header)
							w.WriteHeader(c.status)
							return
						}
					}
					switch {
					case r.URL.Path == "/token":
						fmt.Fprint(w, `{"token":"t"}`)
					case r.Header.Get("Authorization") != "Bearer t":
						w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="x"`, r.Host))
						w.WriteHeader(http.StatusUnauthorized)
					}
				}))
				defer server.Close()
				repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://")+"/team/app", name.Insecure)
				if err != nil {
					t.Fatal(err)
				}
				client := client()
				var waits []time.Duration
				client.settings.Notice = func(r Retry) { waits = append(waits, r.Wait) }
				s := client.Session(repo, Pull, Advice{Status: func(int, string) string { return "" }})
				err = s.Retry(t.Context(), func(*Attempts) error {
					_, err := s.Ask(t.Context(), http.MethodGet, s.URL("manifests/1"), nil, http.StatusOK)
					return err
				})
				if c.want > s.client.settings.Patience.Longest {
					if err == nil || !strings.Contains(err.Error(), "429 Too Many Requests: the server says to wait 10m0s") || asked != busy {
						t.Errorf("asked %d times: %v", asked, err)
					}
					return
				}
				if err != nil || len(waits) != 1 || waits[0] < c.want || c.want == 0 && waits[0] >= time.Second {
					t.Errorf("waits %s: %v", waits, err)
				}
			})
		}
	}
}
