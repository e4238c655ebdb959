package render_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// An image that a rendered file names and the bundle lacks would be asked of the
// network by a host that has none.
func TestEveryImageThatATextNamesIsCarried(t *testing.T) {
	named := regexp.MustCompile(`(?m)^\s*(?:- )?(?:image:|sandbox_image =|sandbox =)\s*"?([^"\s]+)`)
	eachTree(t, func(t *testing.T, p *plan.Plan, rendered render.Tree, _ string) {
		prefix := ""
		if p.Cluster.Registry.Host != "" {
			prefix = p.Cluster.Pull("")
		}
		seen := 0
		for _, f := range rendered {
			for _, m := range named.FindAllStringSubmatch(string(f.Data), -1) {
				seen++
				name, ours := strings.CutPrefix(m[1], prefix)
				if !ours || !slices.ContainsFunc(p.Images, func(i plan.Image) bool { return i.Name == name }) {
					t.Errorf("%s names %s, which is not in the bundle", f.Path, m[1])
				}
			}
		}
		if seen < 3 {
			t.Errorf("found only %d images in the texts", seen)
		}
	})
}

// The steps and configs name nothing outside the cluster.
func TestNoTextNamesTheOutside(t *testing.T) {
	url := regexp.MustCompile(`https?://[a-zA-Z][^\s"')]*`)
	fine := regexp.MustCompile(`^https?://(docs\.docker\.com|containerd\.io|kubernetes\.io/docs/|\$)|registry`)
	eachTree(t, func(t *testing.T, _ *plan.Plan, rendered render.Tree, _ string) {
		for _, f := range rendered {
			for _, found := range url.FindAllString(string(f.Data), -1) {
				if !fine.MatchString(found) {
					t.Errorf("%s names %s", f.Path, found)
				}
			}
		}
	})
}
