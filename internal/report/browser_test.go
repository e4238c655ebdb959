package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/browser"
)

// written makes the page of a spec.
func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(html(t, load(t, text))), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// overflow is what is too wide: of the page, and on a phone of a table, too.
func overflow(b *browser.Browser, width int) []string {
	wide := b.Overflow(".scroll, .skip, svg")
	if width < 640 {
		wide = append(wide, browser.Run[[]string](b, `return [...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => "a table: " + e.scrollWidth + " in " + e.clientWidth)`)...)
	}
	return wide
}

// Texts of the picture that leave the frame around them. Fonts differ; the measures must
// leave room for this machine's.
const spilled = `
const out = [];
for (const svg of document.querySelectorAll("svg.picture")) {
  const all = svg.getBoundingClientRect();
  if (!all.width) continue;
  for (const text of svg.querySelectorAll(".card-name, .card-address, .card-note, .chip-text")) {
    let box = text.previousElementSibling;
    while (box.tagName !== "rect") box = box.previousElementSibling;
    const t = text.getBoundingClientRect(), r = box.getBoundingClientRect();
    if (t.right > r.right + 1 || t.bottom > r.bottom + 1) out.push(text.textContent);
  }
  for (const e of svg.querySelectorAll("*")) {
    const r = e.getBoundingClientRect();
    if (r.width && (r.right > all.right + 1 || r.bottom > all.bottom + 1)) out.push(e.tagName + " " + e.textContent);
  }
}
return out;`

// Texts whose contrast with what is behind them is below WCAG's level AA, 4.5.
const faint = `
const parse = (c) => c.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
const fill = (e) => parse(getComputedStyle(e).fill);
const list = [];
const judge = (what, a, b) => {
  const [hi, lo] = [light(a), light(b)].sort((x, y) => y - x), ratio = (hi + .05) / (lo + .05);
  if (ratio < 4.5) list.push(what + " " + ratio.toFixed(2));
};
for (const e of document.querySelectorAll("h1, h2, h3, p, dt, dd, li, th, td, a, .version, .count, .state, .digest, .made, .role, .outside, button, figcaption")) {
  judge(e.tagName + "." + e.className + " " + e.textContent.slice(0, 30), parse(getComputedStyle(e).color), behind(e));
}
for (const e of document.querySelectorAll(".picture .panel text")) {
  const box = e.closest(".panel").querySelector(e.matches("[class^=card]") ? ".card" : ".panel-box");
  judge(e.textContent, fill(e), fill(box));
}
for (const e of document.querySelectorAll(".picture > text")) judge(e.textContent, fill(e), fill(document.querySelector(".picture .paper")));
return list;`

func TestPageInABrowser(t *testing.T) {
	b := browser.New(t)
	pages := map[string]string{"nine hosts": written(t, nine), "one host": written(t, one), "a thousand hosts": written(t, thousand())}
	for _, name := range []string{"nine hosts", "one host", "a thousand hosts"} {
		for _, width := range []int{390, 820, 1400} {
			for _, scheme := range []string{"light", "dark"} {
				if width == 820 && name != "nine hosts" {
					continue // one page is enough for the layout in between
				}
				t.Run(fmt.Sprintf("%s, %d pixels, %s", name, width, scheme), func(t *testing.T) {
					b.For(t)
					b.Screen(width, 900, scheme)
					b.Open(pages[name])
					if list := overflow(b, width); len(list) > 0 {
						t.Errorf("too wide: %q", list[:min(len(list), 5)])
					}
					if list := browser.Run[[]string](b, spilled); len(list) > 0 {
						t.Errorf("texts leave their frames: %q", list)
					}
					if name != "a thousand hosts" { // whose rows have the colours of nine
						if list := browser.Run[[]string](b, faint); len(list) > 0 {
							t.Errorf("hard to read: %q", list[:min(len(list), 5)])
						}
					}
					if list := b.Complaints(); len(list) > 0 {
						t.Errorf("the console has %q", list)
					}
					b.Picture(fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(name, " ", "-"), width, scheme))
					want := map[bool]string{true: ".narrow", false: ".wide"}[width < 640]
					if n := browser.Run[float64](b, "return document.querySelector('"+want+" svg').getBoundingClientRect().height"); n < 300 {
						t.Errorf("the picture for this width is %v pixels high", n)
					}
				})
			}
		}
	}
}

// The tables' columns, as they show.
const shown = `return [...document.querySelector("#hosts tbody").rows].filter((r) => r.offsetHeight > 0).map((r) => r.cells[0].textContent + " " + r.cells[1].textContent);`

func press(b *browser.Browser, column int) {
	browser.Run[any](b, fmt.Sprintf(`document.querySelectorAll("#hosts thead button")[%d].click()`, column))
}

func find(b *browser.Browser, words string) {
	browser.Run[any](b, fmt.Sprintf(`const i = document.querySelector("#hosts input"); i.value = %q; i.dispatchEvent(new Event("input"));`, words))
}

func TestSortAndSearch(t *testing.T) {
	b := browser.New(t)
	b.Screen(390, 900, "light")
	b.Open(written(t, thousand()))
	press(b, 1)
	list := browser.Run[[]string](b, shown)
	if len(list) != 1000 || list[0] != "cp1 10.0.0.11" || list[999] != "w995 10.0.4.245" {
		t.Errorf("by address: %q … %q of %d", list[0], list[len(list)-1], len(list))
	}
	press(b, 1)
	if list = browser.Run[[]string](b, shown); list[0] != "w995 10.0.4.245" {
		t.Errorf("the other way round: %q", list[0])
	}
	press(b, 0)
	// Numbers in names count as numbers.
	list = browser.Run[[]string](b, shown)
	if at := slices.Index(list, "w9 10.0.1.9"); at < 0 || list[at+1] != "w10 10.0.1.10" {
		t.Errorf("by name: %q", list[:10])
	}
	if sorted := browser.Run[[]string](b, `return [...document.querySelectorAll("#hosts thead th")].map((h) => h.ariaSort ?? "")`); !slices.Equal(sorted, []string{"ascending", "", "", "", ""}) {
		t.Errorf("a screen reader hears %q", sorted)
	}
	find(b, "CONTROL 12")
	if list = browser.Run[[]string](b, shown); len(list) != 1 || !strings.HasPrefix(list[0], "cp2 ") {
		t.Errorf("found %q", list)
	}
	if said := browser.Run[string](b, `return document.querySelector("#hosts output").textContent`); said != "1 of 1000" {
		t.Errorf("it says %q", said)
	}
	find(b, "nobody")
	if list = browser.Run[[]string](b, shown); len(list) != 0 {
		t.Errorf("found %q", list)
	}
	find(b, "")
	if list = browser.Run[[]string](b, shown); len(list) != 1000 {
		t.Errorf("an empty search shows %d", len(list))
	}
	if list := b.Complaints(); len(list) > 0 {
		t.Errorf("the console has %q", list)
	}
}

// Without a script the page has all of its content, and no control that does nothing.
func TestPageWithoutScript(t *testing.T) {
	b := browser.New(t)
	b.Command("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	for _, width := range []int{390, 1400} {
		b.Screen(width, 900, "light")
		b.Open(written(t, nine))
		if n := browser.Run[int](b, `return document.querySelectorAll("button, input, [aria-sort]").length`); n > 0 {
			t.Errorf("%d controls", n)
		}
		if list := browser.Run[[]string](b, shown); len(list) != 9 {
			t.Errorf("hosts: %q", list)
		}
		if list := overflow(b, width); len(list) > 0 {
			t.Errorf("too wide: %q", list)
		}
	}
}

// By keyboard everything is reached in the order in which it stands, and on paper the
// whole tables are, without the controls.
func TestKeyboardAndPaper(t *testing.T) {
	b := browser.New(t)
	b.Screen(1400, 900, "dark")
	b.Open(written(t, thousand()))
	var reached []string
	for range 12 {
		b.Post("/actions", map[string]any{"actions": []any{map[string]any{"type": "key", "id": "k", "actions": []any{
			map[string]string{"type": "keyDown", "value": "\ue004"}, map[string]string{"type": "keyUp", "value": "\ue004"},
		}}}}, nil)
		reached = append(reached, browser.Run[string](b, `const e = document.activeElement; return e.ariaLabel ?? e.getAttribute("aria-labelledby") ?? e.textContent`))
	}
	want := []string{"Skip to the content", "Overview", "Topology", "Hosts", "Traffic", "Images", "Files", "Packages", "Secrets", "Search the hosts", "hosts-title", "Host"}
	if !slices.Equal(reached, want) {
		t.Errorf("reached %q", reached)
	}
	b.Screen(700, 1000, "dark")
	b.Command("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	if list := browser.Run[[]string](b, shown); len(list) != 1000 {
		t.Errorf("%d hosts on paper", len(list))
	}
	if height := browser.Run[float64](b, `const s = document.querySelector("#hosts .scroll"); return s.scrollHeight - s.clientHeight`); height > 0 {
		t.Errorf("%v pixels of the hosts are not on paper", height)
	}
	if color := browser.Run[string](b, `return getComputedStyle(document.body).backgroundColor`); color != "rgb(251, 250, 246)" {
		t.Errorf("paper is %s", color)
	}
	if left := browser.Run[[]string](b, `return [...document.querySelectorAll("nav, .tools, .skip")].filter((e) => e.offsetHeight > 0).map((e) => e.className)`); len(left) > 0 {
		t.Errorf("on paper are %q", left)
	}
	// Chromium does not print controls again at the head of the next page.
	if how := browser.Run[string](b, `return getComputedStyle(document.querySelector("thead button")).display`); how != "contents" {
		t.Errorf("headings on paper are buttons, %s", how)
	}
	if list := overflow(b, 700); len(list) > 0 {
		t.Errorf("too wide for paper: %q", list)
	}
}
