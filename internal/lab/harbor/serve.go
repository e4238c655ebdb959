//go:build lab && linux

package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

type harbor struct {
	config  config
	state   *state
	started time.Time
	log     *os.File
	backend *httputil.ReverseProxy

	mu     sync.Mutex
	tokens map[string][]string // what each lets do: "repository:NAME:pull"
}

const backendAddress = "127.0.0.1:5001"

const backendConfig = `version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: %s/registry}, delete: {enabled: true}}
http: {addr: ` + backendAddress + `, relativeurls: true}
`

// serve runs the registry and the front until it is told to end.
func serve(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	h := &harbor{started: time.Now(), tokens: map[string][]string{}}
	if err := json.Unmarshal(text, &h.config); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if h.state, err = loadState(h.config.Data); err != nil {
		return err
	}
	if h.log, err = os.OpenFile(filepath.Join(h.config.Data, "requests.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	ended, err := h.startBackend()
	if err != nil {
		return err
	}
	h.backend = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: backendAddress})
	mux := http.NewServeMux()
	h.addAPI(mux)
	mux.HandleFunc("GET /service/token", h.token)
	mux.HandleFunc("/v2/", h.registry)
	go func() { ended <- h.listen(h.noted(mux)) }()
	return <-ended
}

func (h *harbor) startBackend() (chan error, error) {
	file := filepath.Join(h.config.Data, "registry.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, backendConfig, h.config.Data), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("/usr/bin/docker-registry", "serve", file)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ended := make(chan error, 2)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { ended <- errors.Join(errors.New("the registry ended"), cmd.Wait()) }()
	return ended, nil
}

func (h *harbor) listen(handler http.Handler) error {
	server := &http.Server{Addr: h.config.Listen, Handler: handler, ReadHeaderTimeout: time.Minute}
	if h.config.Certificate != "" {
		return server.ListenAndServeTLS(h.config.Certificate, h.config.Key)
	}
	return server.ListenAndServe()
}

// noted writes down who asked what and what the answer was.
func (h *harbor) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		path := r.URL.Path
		next.ServeHTTP(seen, r)
		h.mu.Lock()
		defer h.mu.Unlock()
		fmt.Fprintf(h.log, "%s %s %d\n", r.Method, path, seen.status)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// token gives what of the asked for scopes the user may do.
func (h *harbor) token(w http.ResponseWriter, r *http.Request) {
	user, ok := h.user(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var granted []string
	for _, scopes := range r.URL.Query()["scope"] {
		for scope := range strings.FieldsSeq(scopes) {
			parts := strings.Split(scope, ":")
			if len(parts) != 3 || parts[0] != "repository" {
				continue
			}
			project, _, _ := strings.Cut(parts[1], "/")
			for action := range strings.SplitSeq(parts[2], ",") {
				if h.state.may(user, project, action != "pull") {
					granted = append(granted, parts[1]+":"+action)
				}
			}
		}
	}
	token := rand.Text()
	h.mu.Lock()
	h.tokens[token] = granted
	h.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 1800})
}

// registry passes on what a token lets do.
func (h *harbor) registry(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	h.mu.Lock()
	granted, known := h.tokens[token]
	h.mu.Unlock()
	repository, action := wants(r)
	allowed := known && repository == ""
	for _, g := range granted {
		allowed = allowed || g == repository+":"+action
	}
	if allowed {
		r.Header.Del("Authorization")
		h.backend.ServeHTTP(w, r)
		return
	}
	scheme := "http"
	if h.config.Certificate != "" {
		scheme = "https"
	}
	challenge := fmt.Sprintf(`Bearer realm="%s://%s/service/token",service="harbor-registry"`, scheme, r.Host)
	if repository != "" {
		challenge += fmt.Sprintf(`,scope="repository:%s:%s"`, repository, action)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprintln(w, `{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized to access repository"}]}`)
}

// wants are the repository of a request and what is done with it.
func wants(r *http.Request) (repository, action string) {
	action = "push"
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		action = "pull"
	}
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	for _, part := range []string{"/manifests/", "/blobs/", "/tags/"} {
		if i := strings.LastIndex(path, part); i > 0 {
			return path[:i], action
		}
	}
	return "", action
}
