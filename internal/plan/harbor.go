package plan

import (
	"net"
	"strings"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Harbor is the registry that the registry host runs, from its offline installer.
type Harbor struct {
	Version, Compose, Dir string
	// Hostname is what Harbor calls itself, HTTPPort or HTTPSPort where it listens.
	Hostname            string
	HTTPPort, HTTPSPort string
	// Projects are sorted by name and hold that of the bundle's images.
	Projects []HarborProject
	Users    []HarborUser
}

// HarborProject is a project in Harbor.
type HarborProject struct {
	Name   string
	Public bool
}

// HarborUser is a user with a password from the secrets.
type HarborUser struct {
	Name, Email string
	Members     []HarborMember
}

// HarborMember is a user's role in a project, as a number of Harbor's
// (goharbor/harbor, src/common/const.go).
type HarborMember struct {
	Project string
	Role    int
}

var harborRoles = map[string]int{"projectAdmin": 1, "developer": 2, "guest": 3, "maintainer": 4, "limitedGuest": 5}

func newHarbor(in v1.Cluster, r Registry) *Harbor {
	if r.Mode != "harbor" || r.Address == "" {
		return nil
	}
	given := in.Registry.Harbor
	_, port, err := net.SplitHostPort(r.Address)
	if err != nil {
		return nil // newRegistry joined it
	}
	name, _, _ := strings.Cut(r.Host, ":")
	h := &Harbor{Version: given.Version, Compose: given.Compose, Dir: given.Dir, Hostname: name, HTTPPort: port}
	if r.Scheme == "https" {
		h.HTTPPort, h.HTTPSPort = "80", port
	}
	public := map[string]bool{strings.Split(r.Project, "/")[0]: true}
	for name, p := range given.Projects {
		public[name] = p.Public
	}
	for _, name := range sortedKeys(public) {
		h.Projects = append(h.Projects, HarborProject{Name: name, Public: public[name]})
	}
	for _, name := range sortedKeys(given.Users) {
		u := given.Users[name]
		user := HarborUser{Name: name, Email: orDefault(u.Email, name+"@"+mailDomain(in.Domain))}
		for _, project := range sortedKeys(u.Projects) {
			user.Members = append(user.Members, HarborMember{Project: project, Role: harborRoles[u.Projects[project]]})
		}
		h.Users = append(h.Users, user)
	}
	return h
}

// mailDomain is the cluster's domain where Harbor takes it in a mail address: its last
// label must be letters, and not the only one (goharbor/harbor, src/server/v2.0/handler/user.go).
func mailDomain(domain string) string {
	dot := strings.LastIndexByte(domain, '.')
	last := domain[dot+1:]
	if dot < 0 || len(last) < 2 || strings.Trim(last, "abcdefghijklmnopqrstuvwxyz") != "" {
		return "cluster.local"
	}
	return domain
}
