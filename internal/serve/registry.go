package serve

import (
	"fmt"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxTagsShown is how many tags an error names.
const maxTagsShown = 5

// digestForm is the form that the specification gives digests.
var digestForm = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$`)

// registry answers whatever begins with /v2.
func (s *Server) registry(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is read-only: %s is not allowed", r.Method)
		return
	}
	rest := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v2"), "/")
	switch rest {
	case "":
		reply(w, http.StatusOK, struct{}{})
		return
	case "_catalog":
		list(w, r, s.catalog.names, func(names []string) any { return map[string]any{"repositories": names} })
		return
	}
	name, kind, last := splitPath(rest)
	ns := r.URL.Query().Get("ns")
	repo := s.catalog.find(name, ns)
	switch {
	case kind == "":
		refuse(w, http.StatusNotFound, "UNSUPPORTED", "there is nothing at %q", r.URL.Path)
	case repo == nil:
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "the bundle has no repository %q; /v2/_catalog lists those it has", path.Join(ns, name))
	default:
		s.inRepository(w, r, repo, kind, last)
	}
}

// splitPath takes "NAME/KIND/LAST" apart; a name can have slashes. The kind is
// empty if there is none that this registry knows.
func splitPath(rest string) (name, kind, last string) {
	for _, kind := range []string{"manifests", "blobs", "tags", "referrers"} {
		i := strings.LastIndexByte(rest, '/')
		if name, found := strings.CutSuffix(rest[:max(i, 0)], "/"+kind); found && name != "" {
			return name, kind, rest[i+1:]
		}
	}
	return "", "", ""
}

func (s *Server) inRepository(w http.ResponseWriter, r *http.Request, repo *repository, kind, last string) {
	isDigest := strings.Contains(last, ":")
	switch {
	case kind == "tags" && last == "list":
		s.listTags(w, r, repo)
	case kind == "tags":
		refuse(w, http.StatusNotFound, "UNSUPPORTED", "there is nothing at %q", r.URL.Path)
	case (isDigest || kind != "manifests") && !digestForm.MatchString(last):
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "%q is not a digest such as sha256:… with 64 digits", last)
	case kind == "manifests":
		s.manifest(w, r, repo, last, isDigest)
	case kind == "referrers":
		listReferrers(w, r, repo.referrers[last])
	case !repo.blobs[last]:
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "repository %q has no blob %s", repo.name, last)
	default:
		s.blob(w, r, last, "application/octet-stream")
	}
}

func (s *Server) manifest(w http.ResponseWriter, r *http.Request, repo *repository, ref string, isDigest bool) {
	digest := ref
	if !isDigest {
		digest = repo.tags[ref]
	}
	mediaType, found := repo.manifests[digest]
	if found {
		s.blob(w, r, digest, mediaType)
		return
	}
	has := slices.Sorted(maps.Keys(repo.tags))
	if more := len(has) - maxTagsShown; more > 0 {
		has = append(has[:maxTagsShown], fmt.Sprintf("%d more", more))
	}
	refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "repository %q has no manifest %q; it has the tags %q", repo.name, ref, has)
}

// blob answers with what the repository is known to have.
func (s *Server) blob(w http.ResponseWriter, r *http.Request, digest, mediaType string) {
	f, err := s.bundle.Blob(digest)
	if err != nil {
		s.log.Error("the bundle is damaged", "error", err)
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "%v", err)
		return
	}
	defer f.Close()
	w.Header().Set("Docker-Content-Digest", digest)
	serveContent(w, r, f, mediaType, digest)
}
