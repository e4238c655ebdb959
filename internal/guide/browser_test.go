package guide_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/browser"
)

// Links that lead nowhere in the page, and those that leave it.
const dangling = `
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
return [...document.links].map((a) => a.getAttribute("href")).filter((to) => !to.startsWith("#") || !document.getElementById(decodeURIComponent(to.slice(1))))
  .concat(ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => id + " twice"));`

// guides are the pages of the reference bundles, each with its Markdown beside it.
func guides(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"tree/guide", "tree/seats/01/guide", "tree/teacher"} {
		list, err := filepath.Glob("../../bundles/*/" + pattern + "/index.html")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	if len(all) < 4 {
		t.Fatalf("there are only %d guides: %q", len(all), all)
	}
	return all
}

func TestGuidesInABrowser(t *testing.T) {
	b := browser.New(t)
	for _, page := range guides(t) {
		page, err := filepath.Abs(page)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(page, "/bundles/")
		for _, width := range []int{390, 1400} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s, %d pixels, %s", name, width, scheme), func(t *testing.T) {
					b.For(t)
					b.Screen(width, 900, scheme)
					b.Open(page)
					if list := b.Overflow("pre, .wide"); len(list) > 0 {
						t.Errorf("too wide: %q", list[:min(len(list), 5)])
					}
					browser.Run[any](b, `document.querySelector("nav details").open = true`)
					if list := b.Overflow("pre, .wide"); len(list) > 0 {
						t.Errorf("too wide with the contents: %q", list[:min(len(list), 5)])
					}
					if list := b.Faint(); len(list) > 0 {
						t.Errorf("hard to read: %q", list[:min(len(list), 5)])
					}
					if list := browser.Run[[]string](b, dangling); len(list) > 0 {
						t.Errorf("links that lead nowhere: %q", list)
					}
					if list := b.Complaints(); len(list) > 0 {
						t.Errorf("the console has %q", list)
					}
					b.Picture(fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(strings.TrimSuffix(name, "/index.html"), "/", "-"), width, scheme))
				})
			}
		}
		t.Run(name+", its texts", func(t *testing.T) {
			b.For(t)
			testTexts(t, b, page)
		})
	}
}

// testTexts holds that a page has every code block of its Markdown as it is there, and every heading
// both in the text and in the contents.
func testTexts(t *testing.T, b *browser.Browser, page string) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(page), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks, headings []string
	inside := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```"):
			if inside = !inside; inside {
				blocks = append(blocks, "")
			}
		case inside:
			blocks[len(blocks)-1] += line
		case strings.HasPrefix(line, "## "), strings.HasPrefix(line, "### "):
			headings = append(headings, strings.ReplaceAll(strings.TrimSpace(strings.TrimLeft(line, "#")), "`", ""))
		}
	}
	if inside || len(blocks) == 0 || len(headings) == 0 {
		t.Fatalf("%d blocks, %d headings, one is open: %v", len(blocks), len(headings), inside)
	}
	if got := browser.Run[[]string](b, `return [...document.querySelectorAll("main pre")].map((e) => e.textContent)`); !slices.Equal(got, blocks) {
		t.Errorf("the page has the blocks %q and its Markdown %q", got, blocks)
	}
	for _, where := range []string{"main h2, main h3", "nav li a"} {
		if got := browser.Run[[]string](b, `return [...document.querySelectorAll("`+where+`")].map((e) => e.textContent)`); !slices.Equal(got, headings) {
			t.Errorf("%s are %q, and the Markdown has %q", where, got, headings)
		}
	}
}
