//go:build lab && linux

package main

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// unhealthy is for how long after its start Harbor answers that it is not healthy yet,
// with the status 200.
const unhealthy = 3 * time.Second

var (
	projectName = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	mail        = regexp.MustCompile(`^[^@\s]+@([a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}$`)
	secretRules = []*regexp.Regexp{regexp.MustCompile(`^.{8,128}$`), regexp.MustCompile(`[a-z]`), regexp.MustCompile(`[A-Z]`), regexp.MustCompile(`[0-9]`)}
)

func (h *harbor) addAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v2.0/health", h.health)
	mux.HandleFunc("POST /api/v2.0/projects", h.admin(h.makeProject))
	mux.HandleFunc("POST /api/v2.0/users", h.admin(h.makeUser))
	mux.HandleFunc("POST /api/v2.0/projects/{project}/members", h.admin(h.makeMember))
}

func (h *harbor) health(w http.ResponseWriter, _ *http.Request) {
	type component struct {
		Name   string `json:"name"`
		Status string `json:"status"`
		Error  string `json:"error,omitempty"`
	}
	answer := struct {
		Components []component `json:"components"`
		Status     string      `json:"status"`
	}{Status: "healthy", Components: []component{{Name: "core", Status: "healthy"}, {Name: "database", Status: "healthy"}}}
	if time.Since(h.started) < unhealthy {
		answer.Components[1] = component{Name: "database", Status: "unhealthy", Error: "failed to check database"}
		answer.Status = "unhealthy"
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// user is who asks, by a password; false is a wrong password, an empty name nobody.
func (h *harbor) user(r *http.Request) (string, bool) {
	name, password, given := r.BasicAuth()
	if !given {
		return "", true
	}
	want := h.config.AdminPassword
	if name != "admin" {
		h.state.mu.Lock()
		want = h.state.Users[name]
		h.state.mu.Unlock()
	}
	return name, want != "" && subtle.ConstantTimeCompare([]byte(password), []byte(want)) == 1
}

// admin lets the administrator alone in, and nobody before Harbor is healthy.
func (h *harbor) admin(f func(*http.Request) int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, ok := h.user(r)
		switch {
		case time.Since(h.started) < unhealthy:
			w.WriteHeader(http.StatusInternalServerError)
		case !ok || name == "":
			w.WriteHeader(http.StatusUnauthorized)
		case name != "admin":
			w.WriteHeader(http.StatusForbidden)
		case r.Header.Get("Content-Type") != "application/json":
			w.WriteHeader(http.StatusUnsupportedMediaType)
		default:
			status := h.state.change(func() int { return f(r) })
			w.WriteHeader(status)
			if status >= 400 {
				fmt.Fprintf(w, `{"errors":[{"code":"%d","message":"%s"}]}`+"\n", status, http.StatusText(status))
			}
		}
	}
}

func (h *harbor) makeProject(r *http.Request) int {
	var in struct {
		Name     string `json:"project_name"`
		Metadata struct{ Public string }
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || !projectName.MatchString(in.Name) || in.Metadata.Public != "true" && in.Metadata.Public != "false" {
		return http.StatusBadRequest
	}
	if _, there := h.state.Projects[in.Name]; there {
		return http.StatusConflict
	}
	h.state.Projects[in.Name] = in.Metadata.Public == "true"
	return http.StatusCreated
}

func (h *harbor) makeUser(r *http.Request) int {
	var in struct{ Username, Email, Realname, Password, Comment string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Username == "" || in.Realname == "" || !mail.MatchString(in.Email) {
		return http.StatusBadRequest
	}
	for _, rule := range secretRules {
		if !rule.MatchString(in.Password) {
			return http.StatusBadRequest
		}
	}
	if _, there := h.state.Users[in.Username]; there {
		return http.StatusConflict
	}
	h.state.Users[in.Username] = in.Password
	return http.StatusCreated
}

func (h *harbor) makeMember(r *http.Request) int {
	var in struct {
		Role   int                       `json:"role_id"`
		Member struct{ Username string } `json:"member_user"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Role < 1 || in.Role > 5 {
		return http.StatusBadRequest
	}
	project := r.PathValue("project")
	if _, there := h.state.Projects[project]; !there {
		return http.StatusNotFound
	}
	if _, there := h.state.Users[in.Member.Username]; !there {
		return http.StatusNotFound
	}
	if h.state.Members[project][in.Member.Username] != 0 {
		return http.StatusConflict
	}
	if h.state.Members[project] == nil {
		h.state.Members[project] = map[string]int{}
	}
	h.state.Members[project][in.Member.Username] = in.Role
	return http.StatusCreated
}
