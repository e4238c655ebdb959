package upstream

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/satchel-kit/satchel/internal/registry"
)

// guarded is a registry that wants a login for everything.
func guarded(t *testing.T, challenge func(host string) string, allowed func(r *http.Request) bool, inner http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if user, password, _ := r.BasicAuth(); user != "ann" || password != "hunter2" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, `{"token":"for %s"}`, r.URL.Query().Get("scope"))
			return
		}
		if !allowed(r) {
			w.Header().Set("WWW-Authenticate", challenge(r.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func basic(string) string { return `Basic realm="x"` }
func bearer(host string) string {
	return fmt.Sprintf(`Bearer realm="http://%s/token",service="x"`, host)
}

func hasPassword(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	return user == "ann" && password == "hunter2"
}

func hasToken(r *http.Request) bool {
	return r.Header.Get("Authorization") == "Bearer for repository:mirror/team/app:pull"
}

func TestLoginByPasswordAndByToken(t *testing.T) {
	for what, s := range map[string]*httptest.Server{
		"basic":  guarded(t, basic, hasPassword, manifest(ociDoc, ociType)),
		"bearer": guarded(t, bearer, hasToken, manifest(ociDoc, ociType)),
	} {
		f := &fake{Server: s}
		if _, err := f.client(t, WithKeychain(one{f.host(), "ann", "hunter2"})).Manifest(t.Context(), image1); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		_, err := f.client(t, WithKeychain(one{f.host(), "ann", "wrong-secret"})).Manifest(t.Context(), image1)
		if err == nil || !strings.Contains(err.Error(), "docker login "+f.host()) || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s with a wrong password: got %v", what, err)
		}
	}
}

func TestCredentialsDoNotFollowARedirect(t *testing.T) {
	data := noise(1000)
	var leaked atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			leaked.Store(true)
		}
		whole(data, "")(w, r)
	}))
	defer elsewhere.Close()
	away := http.RedirectHandler(elsewhere.URL+"/signed?key=s3cret", http.StatusTemporaryRedirect)
	for what, s := range map[string]*httptest.Server{
		"basic":  guarded(t, basic, hasPassword, away),
		"bearer": guarded(t, bearer, hasToken, away),
	} {
		f := &fake{Server: s}
		sink := &memory{limit: 2000}
		err := f.client(t, WithKeychain(one{f.host(), "ann", "hunter2"})).Blob(t.Context(), image1, digestOf(data), 1000, sink)
		if err != nil || string(sink.data) != string(data) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if leaked.Load() {
		t.Error("credentials went to another host")
	}
}

func TestErrorsShowNoKeyOfASignedAddress(t *testing.T) {
	f := newFake(t)
	broken := newFake(t, status(403))
	f.next = []http.HandlerFunc{http.RedirectHandler(broken.URL+"/signed?key=s3cret", http.StatusFound).ServeHTTP}
	for _, address := range []string{"https://files.example/a?token=s3cret", "https://user:s3cret@files.example/a"} {
		err := f.client(t).File(t.Context(), address, -1, &memory{})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
	}
	broken.Close()
	err := f.client(t).File(t.Context(), "https://files.example/a", -1, &memory{})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

// TestTheDockerConfigurationAndItsHelpersLogIn uses the real files and a helper program,
// as docker login leaves them (https://docs.docker.com/reference/cli/docker/login/#credential-helpers).
func TestTheDockerConfigurationAndItsHelpersLogIn(t *testing.T) {
	f := &fake{Server: guarded(t, basic, hasPassword, manifest(ociDoc, ociType))}
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	helper := `#!/bin/sh
read host
if [ "$1" = get ] && [ "$host" = "` + f.host() + `" ]; then
	echo '{"ServerURL":"'$host'","Username":"ann","Secret":"hunter2"}'
else
	echo 'credentials not found in native keychain'
	exit 1
fi
`
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(helper), 0o755); err != nil {
		t.Fatal(err)
	}
	for what, config := range map[string]string{
		"a helper for the host": fmt.Sprintf(`{"credHelpers":{%q:"test"}}`, f.host()),
		"a helper for all":      `{"credsStore":"test"}`,
		"the file itself":       fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, f.host(), base64.StdEncoding.EncodeToString([]byte("ann:hunter2"))),
	} {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.client(t, WithKeychain(registry.DockerLogins())).Manifest(t.Context(), image1); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client(t, WithKeychain(registry.DockerLogins())).Manifest(t.Context(), image1); err == nil || !strings.Contains(err.Error(), "reading credentials from the docker configuration") {
		t.Errorf("a broken configuration: %v", err)
	}
}
