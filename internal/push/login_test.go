package push

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// withLogin is the docker configuration of somebody who is logged in to a host.
func withLogin(t *testing.T, host, user, password string) {
	t.Helper()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	text := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
}

func TestTheDockerConfigurationLogsIn(t *testing.T) {
	passwords := filepath.Join(t.TempDir(), "htpasswd")
	// ann's password is hunter2.
	if err := os.WriteFile(passwords, []byte("ann:$2a$04$l5upwZ4bwiETfMR0VVy1Xebo22ESkzWzhlEM5li2xZ7hZkN7pp5T.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := realRegistry(t, "auth: {htpasswd: {realm: lab, path: "+passwords+"}}\n")
	tar := full(t).write("b.tar")
	at := target(t, host)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	_, err := client(t, host).Images(t.Context(), tar, at, Jobs, nil)
	fails(t, err, host, "401 Unauthorized", "`docker login "+host+"`")
	withLogin(t, host, "ann", "wrong-secret")
	_, err = client(t, host).Images(t.Context(), tar, at, Jobs, nil)
	fails(t, err, "401 Unauthorized", "docker login")
	if strings.Contains(err.Error(), "wrong-secret") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	withLogin(t, host, "ann", "hunter2")
	pushImages(t, tar, host)
	pushBundle(t, tar, host+"/lab:1")

	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = client(t, host).Images(t.Context(), tar, at, Jobs, nil)
	fails(t, err, "reading credentials", filepath.Join(dir, "config.json"), "mend that file")
}

// tokens is a registry that wants tokens, as Harbor does: each for the repositories
// that it names.
func tokens(t *testing.T, registry string) *httptest.Server {
	t.Helper()
	inner := before(t, registry).Config.Handler
	path := regexp.MustCompile(`^/v2/(.+)/(blobs|manifests)/`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if user, password, _ := r.BasicAuth(); user != "ann" || password != "hunter2" {
				says(http.StatusUnauthorized, "UNAUTHORIZED", "wrong password")(w, r)
				return
			}
			fmt.Fprintf(w, `{"token":%q}`, base64.URLEncoding.EncodeToString([]byte(strings.Join(r.URL.Query()["scope"], " "))))
			return
		}
		var need []string
		if m := path.FindStringSubmatch(r.URL.Path); m != nil {
			need = append(need, "repository:"+m[1]+":push,pull")
		}
		if from := r.URL.Query().Get("from"); from != "" {
			need = append(need, "repository:"+from+":pull")
		}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		granted, err := base64.URLEncoding.DecodeString(token)
		has := strings.Fields(string(granted))
		if token == "" || err != nil || slices.ContainsFunc(need, func(scope string) bool { return !slices.Contains(has, scope) }) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="x",scope=%q`, r.Host, strings.Join(need, " ")))
			says(http.StatusUnauthorized, "UNAUTHORIZED", "no token for it")(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestTokensReachForMounts(t *testing.T) {
	host := strings.TrimPrefix(tokens(t, realRegistry(t, "")).URL, "http://")
	withLogin(t, host, "ann", "hunter2")
	result := pushImages(t, sharing(t, 4).write("b.tar"), host)
	if result.Blobs.Mounted.Blobs != 2*3 {
		t.Errorf("%+v", result.Blobs)
	}
	withLogin(t, host, "ann", "wrong-secret")
	at := target(t, host)
	_, err := client(t, host).Images(t.Context(), sharing(t, 1).write("b.tar"), at, Jobs, nil)
	fails(t, err, "401", "wrong password", "docker login "+host)
}

func TestCredentialsStayAtTheirRegistry(t *testing.T) {
	leaked := make(chan string, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked <- r.Header.Get("Authorization") + r.Header.Get("Cookie")
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(elsewhere.Close)
	f := before(t, realRegistry(t, ""))
	f.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "hunter2" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if kindOf(r) == "POST blobs" {
			w.Header().Set("Location", elsewhere.URL+"/upload")
			w.WriteHeader(http.StatusAccepted)
			return true
		}
		return false
	})
	withLogin(t, f.host(), "ann", "hunter2")
	tar, _ := one(t)
	at := target(t, f.host())
	_, err := client(t, at.Host).Images(t.Context(), tar, at, Jobs, nil)
	fails(t, err, elsewhere.URL, "403")
	if got := <-leaked; got != "" {
		t.Errorf("another host got %q", got)
	}
}

func TestTLS(t *testing.T) {
	registry := realRegistry(t, "")
	s := httptest.NewUnstartedServer(before(t, registry).Config.Handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "https://")
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	tar := full(t).write("b.tar")
	try := func(host string, options ...Option) error {
		t.Helper()
		c, err := New(host, append(options, WithPatience(hasty))...)
		if err != nil {
			return err
		}
		_, err = c.Images(t.Context(), tar, target(t, host), Jobs, nil)
		return err
	}
	if err := try(host, WithCA(ca)); err != nil {
		t.Error(err)
	}
	fails(t, try(host), "certificate", "--ca")
	fails(t, try(host, WithPlainHTTP()), "leave out --plain-http")
	fails(t, try(registry), "add --plain-http")
	fails(t, try(host, WithCA(tar)), "no certificate in PEM form")
	fails(t, try(host, WithCA("nowhere.crt")), "nowhere.crt")
	fails(t, try("nowhere.invalid"), "nowhere.invalid", "check the registry's name")

	// One that sends everybody to HTTPS.
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
	}))
	t.Cleanup(away.Close)
	fails(t, try(strings.TrimPrefix(away.URL, "http://"), WithPlainHTTP()), "redirects", "leave that out if it has TLS")
	// And one that sends them to plain HTTP.
	down := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Redirect(w, r, "http://"+registry+r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(down.Close)
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: down.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, try(strings.TrimPrefix(down.URL, "https://"), WithCA(ca)), "redirects from https to plain http")
}
