package closure

import (
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
)

// file checks a path in the bundle and notes that the host uses it.
func (c *check) file(m *moment, u *use) {
	if !m.reaches(u) {
		return
	}
	for full := range m.on(u.text) {
		own := strings.TrimPrefix(full, bundleRoot)
		if missing := c.missing(m.host, own); missing != "" {
			c.report(u.place, m.host.Name, missing)
		}
		m.host.use(c, own, m.step)
	}
}

// use notes a file of the bundle, and the programs in it.
func (h *host) use(c *check, own string, step int) {
	list := []string{own}
	if strings.ContainsAny(own, "*?[") {
		// All files of a host at once are read, not used.
		if path.Dir(own) == "hosts/"+h.Name {
			return
		}
		list = c.fitting(own)
	}
	for _, file := range list {
		if _, ok := h.used[file]; ok {
			continue
		}
		h.used[file] = step
		for _, program := range programsIn(file) {
			if _, ok := h.brought[path.Base(program)]; !ok {
				h.brought[path.Base(program)] = step
			}
		}
	}
}

// packed are what pack adds to the tree, or puts the rest into.
var packed = []string{"SHA256SUMS", "SHA256SUMS.sig", "bundle.json", "bin", "files", "hosts", "images", "keys", "manifests", "packages", "steps", "units"}

// missing says what is wrong with a path in the bundle, or nothing.
func (c *check) missing(h *host, own string) string {
	switch first, _, nested := strings.Cut(own, "/"); {
	case !nested && slices.Contains(packed, own):
		return ""
	case first == "images":
		if !h.Images {
			return "the images of the bundle are used here, and the plan does not say so of " + hosts + ", so install.sh does not check them there"
		}
		return ""
	case first == "files" || first == "bin":
		return c.missingFile(h, own)
	case first == "packages":
		if carried := strings.TrimSuffix(h.Packages.Carried, "*"); carried == "" || !strings.HasPrefix(own+"/", carried) {
			return own + " is used here, and the plan does not list it for " + hosts + ", so install.sh does not check it there"
		}
		return ""
	case c.has(own) || c.signedByNobody(own):
		return ""
	}
	if name, file, ok := hostFile(own); ok && name == h.Name {
		return "the bundle has no " + file + " for " + hosts
	}
	return "the bundle has no " + own + ", which is used on " + hosts
}

// signedByNobody tells whether keys are looked for where the spec says that there are none.
func (c *check) signedByNobody(own string) bool {
	return slices.ContainsFunc(c.plan.Packages, func(set plan.PackageSet) bool {
		return path.Dir(own) == "keys/"+set.Place && !slices.ContainsFunc(set.Repositories, func(r plan.PackageRepository) bool { return !r.Unsigned })
	})
}

func (c *check) missingFile(h *host, own string) string {
	switch {
	case !c.carried[own]:
		return "the bundle has no " + own + ", which is used on " + hosts
	case !h.files[own]:
		return own + " is used here, and the plan does not list it for " + hosts + ", so install.sh does not check it there"
	}
	return ""
}
