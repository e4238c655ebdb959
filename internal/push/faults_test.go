package push

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/registry"
)

// one is a bundle of one image with one layer, large enough to break off.
func one(t testing.TB) (path string, layer []byte) {
	t.Helper()
	layer = noise(5, 3<<20)
	f := newFixture(t)
	f.addImage(pause, withLayers(layer))
	return f.write("b.tar"), layer
}

func large1(r *http.Request) bool { return kindOf(r) == "PATCH blobs" && r.ContentLength > 1<<20 }

// TestAFaultThatPassesIsTriedAgain promises that a push goes through in spite of
// faults that registries and lines have now and then.
func TestAFaultThatPassesIsTriedAgain(t *testing.T) {
	any := func(wanted ...string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			for _, w := range wanted {
				if kindOf(r) == w {
					return true
				}
			}
			return false
		}
	}
	tar, layer := one(t)
	registry := realRegistry(t, "")
	for what, test := range map[string]struct {
		n      int
		meant  func(*http.Request) bool
		answer http.HandlerFunc
		// sent says how often the layer's bytes go over the line at most.
		sent int64
	}{
		"a line that breaks in the middle":      {2, large1, breaks(1 << 20), 3},
		"a line that breaks at once":            {2, large1, breaks(0), 3},
		"a registry that is busy":               {3, any("PATCH blobs"), says(503, "UNAVAILABLE", "busy"), 1},
		"a proxy without its registry":          {3, any("HEAD blobs", "HEAD manifests"), says(502, "", ""), 1},
		"a commit that fails":                   {1, any("PUT blobs"), says(500, "UNKNOWN", "disk"), 2},
		"manifests that are refused for a time": {3, any("PUT manifests"), says(504, "", ""), 1},
		"too many requests":                     {2, any("POST blobs"), says(429, "TOOMANYREQUESTS", "slow down"), 1},
		"an upload that is forgotten":           {1, any("PUT blobs"), says(404, "BLOB_UPLOAD_UNKNOWN", "what?"), 2},
		"an upload at another place":            {1, large1, says(416, "BLOB_UPLOAD_INVALID", "there is some of it"), 1},
		"a line that breaks everywhere":         {3, func(*http.Request) bool { return true }, breaks(0), 3},
	} {
		t.Run(what, func(t *testing.T) {
			f := before(t, registry)
			f.failing(times(test.n, test.meant, test.answer))
			// A place of its own, so that nothing is there.
			result := pushImages(t, tar, f.host()+"/"+strings.ReplaceAll(what, " ", "-"))
			if got := f.bytes("PATCH blobs"); got > test.sent*int64(len(layer))+1<<20 {
				t.Errorf("%d bytes were sent", got)
			}
			if result.Blobs.Pushed.Blobs != 2 {
				t.Errorf("%+v", result.Blobs)
			}
		})
	}
}

// TestAnAnswerThatGetsLostSendsNothingTwice breaks the line after the registry has
// committed a blob.
func TestAnAnswerThatGetsLostSendsNothingTwice(t *testing.T) {
	tar, layer := one(t)
	f := before(t, realRegistry(t, ""))
	var lost atomic.Bool
	f.spoil = func(resp *http.Response) {
		if resp.Request.Method == http.MethodPut && resp.Request.URL.Query().Has("digest") && !lost.Swap(true) {
			resp.Body = io.NopCloser(strings.NewReader(""))
			resp.StatusCode = http.StatusBadGateway
		}
	}
	pushImages(t, tar, f.host())
	if got := f.bytes("PATCH blobs"); !lost.Load() || got > int64(len(layer))+10_000 {
		t.Errorf("%d bytes were sent", got)
	}
}

func TestWaitsAreAsLongAsTheRegistrySays(t *testing.T) {
	tar, _ := one(t)
	f := before(t, realRegistry(t, ""))
	f.failing(times(1, kind("HEAD manifests"), says(429, "TOOMANYREQUESTS", "slow down", "Retry-After", "1")))
	var waits []time.Duration
	began := time.Now()
	pushImages(t, tar, f.host(), WithNotice(func(r Retry) { waits = append(waits, r.Wait) }))
	if took := time.Since(began); took < time.Second || len(waits) != 1 || waits[0] != time.Second {
		t.Errorf("it waited %s: %s", waits, took)
	}
	// Nobody waits for an hour.
	f.failing(times(1, kind("HEAD manifests"), says(503, "UNAVAILABLE", "later", "Retry-After", "3600")))
	at := target(t, f.host())
	_, err := client(t, at.Host).Images(t.Context(), tar, at, Jobs, nil)
	fails(t, err, "503", "says to wait 1h0m0s", "try again later")
}

func TestAFaultThatStaysIsSaidInTheRegistrysWords(t *testing.T) {
	tar, _ := one(t)
	always := func(wanted string, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
		return times(1000, kind(wanted), answer)
	}
	for what, test := range map[string]struct {
		fault func(http.ResponseWriter, *http.Request) bool
		parts []string
		tries int // of the request that fails; 0 for any
	}{
		"no right to push": {always("POST blobs", says(403, "DENIED", "requested access is denied")),
			[]string{pause, "POST", "403 Forbidden", "DENIED: requested access is denied", "docker login 127.0.0.1", `Harbor must have the project "registry.k8s.io"`}, 0},
		"no login": {always("POST blobs", says(401, "UNAUTHORIZED", "authentication required")),
			[]string{"401 Unauthorized", "UNAUTHORIZED: authentication required", "`docker login 127.0.0.1"}, 0},
		"no project": {always("POST blobs", says(404, "NOT_FOUND", "project registry.k8s.io not found")),
			[]string{"404 Not Found", "project registry.k8s.io not found", "Harbor must have the project"}, 0},
		"read-only":             {always("POST blobs", says(405, "UNSUPPORTED", "this registry is read-only")), []string{"405", "read-only"}, 0},
		"a limit of a proxy":    {always("PATCH blobs", says(413, "", "")), []string{"413", "raise that limit"}, 0},
		"always busy":           {always("HEAD manifests", says(503, "UNAVAILABLE", "busy")), []string{pause, "HEAD", "503", "try again later"}, hasty.Tries},
		"a line that is broken": {always("PATCH blobs", breaks(100)), []string{pause, "PATCH", "check the registry and the network"}, 0},
		"an immutable tag": {always("PUT manifests", says(412, "PRECONDITION", "configured as immutable")),
			[]string{pause, "PUT", "412", "configured as immutable"}, 0},
		"control characters": {always("POST blobs", says(400, "X", `in\u001b[31mwords`)), []string{"X: in [31mwords"}, 0},
	} {
		t.Run(what, func(t *testing.T) {
			f := before(t, realRegistry(t, ""))
			f.failing(test.fault)
			at := target(t, f.host())
			_, err := client(t, at.Host).Images(t.Context(), tar, at, Jobs, nil)
			fails(t, err, append(test.parts, f.host())...)
			if n := f.count("HEAD manifests"); test.tries != 0 && n != test.tries {
				t.Errorf("%d tries", n)
			}
		})
	}
}

// TestPlacesForUploads has registries that spell the place in all ways that there
// are, and in wrong ones.
func TestPlacesForUploads(t *testing.T) {
	tar, _ := one(t)
	for what, test := range map[string]struct {
		change func(string) string
		parts  []string // of the error, if there is one
	}{
		"without a host":     {func(s string) string { return s[strings.Index(s, "/v2/"):] }, nil},
		"of another scheme":  {func(s string) string { return strings.Replace(s, "http://", "https://", 1) }, nil},
		"none":               {func(string) string { return "" }, []string{"names no place for the upload"}},
		"no URL":             {func(string) string { return "http://[::" }, []string{"names no place for the upload"}},
		"no web":             {func(string) string { return "ftp://x/y" }, []string{"names no place for the upload"}},
		"where nothing is":   {func(s string) string { return strings.Replace(s, "/uploads/", "/uploads/0", 1) }, []string{"404", "the registry has lost the upload"}},
		"where nobody is":    {func(string) string { return "http://127.0.0.1:1/x?_state=secret" }, []string{"127.0.0.1:1/x", "refused"}},
		"on an unknown host": {func(string) string { return "http://nowhere.invalid/" }, []string{"nowhere.invalid"}},
	} {
		t.Run(what, func(t *testing.T) {
			f := before(t, realRegistry(t, ""))
			f.spoil = func(resp *http.Response) {
				if to := resp.Header.Get("Location"); resp.Request.Method == http.MethodPost && to != "" {
					resp.Header.Del("Location")
					if changed := test.change(to); changed != "" {
						resp.Header.Set("Location", changed)
					}
				}
			}
			at := target(t, f.host())
			_, err := client(t, at.Host).Images(t.Context(), tar, at, Jobs, nil)
			if test.parts == nil && err != nil {
				t.Error(err)
			} else if test.parts != nil {
				fails(t, err, test.parts...)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the error has the state of the upload: %v", err)
				}
			}
		})
	}
}

func TestARegistryThatStoresSomethingElseIsNotBelieved(t *testing.T) {
	tar, _ := one(t)
	f := before(t, realRegistry(t, ""))
	f.spoil = func(resp *http.Response) {
		if resp.Request.Method == http.MethodPut && resp.Header.Get(registry.DigestHeader) != "" {
			resp.Header.Set(registry.DigestHeader, "sha256:"+strings.Repeat("0", 64))
		}
	}
	at := target(t, f.host())
	_, err := client(t, at.Host).Images(t.Context(), tar, at, Jobs, nil)
	fails(t, err, pause, "stored sha256:000", "instead of")
}

// TestATransferThatStandsStillEnds has a registry that stops to read, for ever.
func TestATransferThatStandsStillEnds(t *testing.T) {
	f := newFixture(t)
	f.addImage(pause, withLayers(noise(5, 16<<20))) // more than the buffers on the way
	tar := f.write("b.tar")
	proxy := before(t, realRegistry(t, ""))
	proxy.failing(times(1, large1, func(w http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, 100)
		<-t.Context().Done()
		panic(http.ErrAbortHandler)
	}))
	patience := hasty
	patience.Idle = 200 * time.Millisecond
	var why []string
	pushImages(t, tar, proxy.host(), WithPatience(patience), WithNotice(func(r Retry) { why = append(why, r.Err.Error()) }))
	// A machine with much else to do may let a good transfer stand still too.
	if other := func(w string) bool { return !strings.Contains(w, "stands still") }; len(why) == 0 || slices.ContainsFunc(why, other) {
		t.Errorf("it tried again because of %q", why)
	}
}

// TestASilentRegistryIsNotWaitedForForEver has one that takes everything and does
// not answer.
func TestASilentRegistryIsNotWaitedForForEver(t *testing.T) {
	tar, _ := one(t)
	f := before(t, realRegistry(t, ""))
	f.failing(times(1, kind("PUT blobs"), func(http.ResponseWriter, *http.Request) { <-t.Context().Done() }))
	patience := hasty
	patience.Answer = 300 * time.Millisecond
	began := time.Now()
	pushImages(t, tar, f.host(), WithPatience(patience))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}
