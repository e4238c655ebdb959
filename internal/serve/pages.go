package serve

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

func (s *Server) listTags(w http.ResponseWriter, r *http.Request, repo *repository) {
	tags := slices.Sorted(maps.Keys(repo.tags))
	list(w, r, tags, func(tags []string) any { return map[string]any{"name": repo.name, "tags": tags} })
}

// list answers with one page of a sorted list: what comes after the parameter
// last, up to n of it, and a link to the next page if there is more.
func list(w http.ResponseWriter, r *http.Request, all []string, show func([]string) any) {
	query := r.URL.Query()
	if last := query.Get("last"); last != "" {
		i, found := slices.BinarySearch(all, last)
		if found {
			i++
		}
		all = all[i:]
	}
	if query.Has("n") {
		n, err := strconv.Atoi(query.Get("n"))
		if err != nil || n < 0 {
			refuse(w, http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n is %q, not a number of entries", query.Get("n"))
			return
		}
		if n < len(all) {
			all = all[:n]
			link(w, r.URL, all)
		}
	}
	reply(w, http.StatusOK, show(append([]string{}, all...)))
}

// link says where the next page is. There is none behind a page of nothing.
func link(w http.ResponseWriter, at *url.URL, page []string) {
	if len(page) == 0 {
		return
	}
	query := at.Query()
	query.Set("last", page[len(page)-1])
	next := url.URL{Path: at.Path, RawQuery: query.Encode()}
	w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
}
