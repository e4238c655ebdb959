//go:build lab && linux

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// state is Harbor's database.
type state struct {
	mu   sync.Mutex
	file string

	// Projects say whether everybody may pull.
	Projects map[string]bool
	// Users have passwords, Members roles by project and user.
	Users   map[string]string
	Members map[string]map[string]int
}

func loadState(dir string) (*state, error) {
	// The project library is there from the start.
	s := &state{
		file:     filepath.Join(dir, "database.json"),
		Projects: map[string]bool{"library": true}, Users: map[string]string{}, Members: map[string]map[string]int{},
	}
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, s)
}

// change makes one change and keeps it.
func (s *state) change(f func() int) (status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status = f(); status >= 300 {
		return status
	}
	text, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(s.file, text, 0o600)
	}
	if err != nil {
		return 500
	}
	return status
}

// may says whether a user, or everybody where the name is empty, may do it in a project.
func (s *state) may(user, project string, push bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	public, known := s.Projects[project]
	switch {
	case !known:
		return false
	case user == "admin":
		return true
	case push:
		role := s.Members[project][user]
		return role == 1 || role == 2 || role == 4
	}
	return public || s.Members[project][user] > 0
}
