// Package review writes for people what a comparison found, as text for a terminal and
// as Markdown that fits into a comment on a pull request, and what is inside a bundle.
//
// What it writes comes from specs, trees and bundles that others made. No character of
// theirs gets to a terminal or into Markdown that does anything there but show.
package review

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/satchel-kit/satchel/internal/diff"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/side"
)

// JSON writes a comparison in the form that internal/diff/diff.schema.json describes.
func JSON(w io.Writer, d *diff.Diff) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// visible writes characters that do something on a terminal, or turn the direction of
// writing, as escapes. Newlines and tabs stay.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r)
}

// line is a text in one line, without what a terminal would act on.
func line(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(visible(text))
}

// headings name the kinds of effects for people.
var headings = map[diff.Kind]string{
	diff.Refused: "refused", diff.Rebuild: "needs a rebuild", diff.Rejoin: "leaves and joins", diff.Upgrade: "needs an upgrade",
	diff.Drain: "drains", diff.Manual: "by hand", diff.Install: "installs", diff.Restart: "restarts", diff.Reload: "reloads",
	diff.Apply: "applies", diff.Run: "changes", diff.Later: "not yet in force", diff.Left: "stays behind",
}

// table is a part of the comparison with one line for each difference.
type table struct {
	title string
	head  []string
	rows  []row
}

// row has a mark (+, -, ~), the cells, and whether a cell is plain words.
type row struct {
	mark  string
	cells []string
}

// marks of the changes, as in a unified diff.
var marks = map[diff.Change]string{diff.Added: "+", diff.Removed: "-", diff.Changed: "~"}

// tables are all parts but the effects and the texts.
func tables(d *diff.Diff) []table {
	return []table{hosts(d), versions(d), images(d), packages(d), files(d), settings(d), secrets(d)}
}

func hosts(d *diff.Diff) table {
	t := table{title: "Hosts", head: []string{"host", "address", "roles", "like"}}
	for _, h := range d.Hosts {
		like := ""
		if h.Like != "" {
			like = "like " + h.Like
		}
		t.rows = append(t.rows, row{marks[h.Change], []string{h.Name, moved(h.Address), moved(h.Roles), like}})
	}
	return t
}

func versions(d *diff.Diff) table {
	t := table{title: "Versions", head: []string{"part", "release"}}
	for _, v := range d.Versions {
		t.rows = append(t.rows, row{"~", []string{v.Name, movedOr(v.Values, "none")}})
	}
	return t
}

func images(d *diff.Diff) table {
	t := table{title: "Images", head: []string{"image", "tag", "platform", "digest", "size of its layers"}}
	for _, i := range d.Images {
		name, tag := i.Name, moved(diff.Values{Old: shortTag(i.Tag.Old), New: shortTag(i.Tag.New)})
		for _, p := range i.Platforms {
			t.rows = append(t.rows, row{marks[i.Change], []string{name, tag, p.Platform, digests(p.Digest, i.Change), sizes(p.Size)}})
		}
		if len(i.Platforms) == 0 {
			t.rows = append(t.rows, row{marks[i.Change], []string{name, tag, "", "", ""}})
		}
	}
	return t
}

// shortTag shortens what an image that is named by digest has in place of a tag.
func shortTag(tag string) string {
	if len(tag) == len("sha256:")+64 && strings.HasPrefix(tag, "sha256:") {
		return tag[:len("sha256:")+12]
	}
	return tag
}

func packages(d *diff.Diff) table {
	t := table{title: "Packages", head: []string{"package", "system", "version", "size"}}
	for _, p := range d.Packages {
		t.rows = append(t.rows, row{marks[p.Change], []string{p.Name + " " + p.Arch, p.Place, moved(p.Version), sizes(p.Size)}})
	}
	return t
}

func files(d *diff.Diff) table {
	t := table{title: "Files", head: []string{"file", "sha256", "size"}}
	for _, f := range d.Files {
		sum := digests(f.SHA256, f.Change)
		if sum == "" && f.Change == diff.Changed {
			sum = moved(f.URL)
		}
		t.rows = append(t.rows, row{marks[f.Change], []string{f.Path, sum, sizes(f.Size)}})
	}
	return t
}

func settings(d *diff.Diff) table {
	t := table{title: "Settings", head: []string{"field", "value"}}
	for _, s := range d.Settings {
		mark := "~"
		switch {
		case s.Old == "":
			mark = "+"
		case s.New == "":
			mark = "-"
		}
		t.rows = append(t.rows, row{mark, []string{s.Field, moved(excerpt(s.Values))}})
	}
	return t
}

func secrets(d *diff.Diff) table {
	t := table{title: "Secrets needed newly", head: []string{"secret", "hosts", ""}}
	for _, s := range d.Secrets {
		fresh := "known to the cluster"
		if s.New {
			fresh = "new to the cluster"
		}
		t.rows = append(t.rows, row{"+", []string{s.Name, names(s.Hosts), fresh}})
	}
	return t
}

// longest is how many characters of a value are shown.
const longest = 66

// excerpt shortens two long values to where they differ.
func excerpt(v diff.Values) diff.Values {
	if utf8.RuneCountInString(v.Old) <= longest && utf8.RuneCountInString(v.New) <= longest {
		return v
	}
	old, fresh := []rune(v.Old), []rune(v.New)
	same := 0
	for same < min(len(old), len(fresh)) && old[same] == fresh[same] {
		same++
	}
	return diff.Values{Old: from(old, same), New: from(fresh, same)}
}

// from is what a value has from a place on, with a little of what is before it.
func from(value []rune, place int) string {
	const before = 12
	begin := 0
	if place > 2*before {
		begin = place - before
	}
	text, end := "", min(len(value), begin+longest)
	if begin > 0 {
		text = "…"
	}
	text += string(value[begin:end])
	if end < len(value) {
		text += "…"
	}
	return text
}

// moved is "OLD → NEW", or the one that there is, or the one that both are.
func moved(v diff.Values) string { return movedOr(v, "") }

func movedOr(v diff.Values, none string) string {
	if v.Old == v.New {
		return v.New
	}
	if none == "" && (v.Old == "" || v.New == "") {
		return v.Old + v.New
	}
	or := func(s string) string {
		if s == "" {
			return none
		}
		return s
	}
	return or(v.Old) + " → " + or(v.New)
}

// digests are shown as much as tells them apart.
func digests(v diff.Values, change diff.Change) string {
	cut := func(s string) string {
		s, recipe := strings.CutPrefix(s, side.Recipe)
		s = strings.TrimPrefix(s, "sha256:")
		s = s[:min(len(s), 12)]
		if recipe {
			s = "recipe " + s
		}
		return s
	}
	short := diff.Values{Old: cut(v.Old), New: cut(v.New)}
	if short.Old == short.New && v.Old != v.New {
		return v.Old + " → " + v.New
	}
	// Of what is on both sides a digest that is missing is one that is not known.
	if change == diff.Changed && (short.Old == "") != (short.New == "") {
		return movedOr(short, "unknown")
	}
	return moved(short)
}

func sizes(s diff.Sizes) string {
	text := func(n int64) string {
		if n == 0 {
			return ""
		}
		return progress.Bytes(n)
	}
	return moved(diff.Values{Old: text(s.Old), New: text(s.New)})
}

// names lists a few, and counts the rest.
func names(list []string) string {
	const few = 3
	if len(list) <= few {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", list[0], len(list)-1)
}

// sentence is an effect in words.
func sentence(e diff.Effect) string {
	if e.Text == "" {
		return e.What
	}
	separator := " "
	if e.Kind == diff.Restart || e.Kind == diff.Reload || e.Kind == diff.Install || e.Kind == diff.Drain {
		separator = ": "
	}
	return e.What + separator + e.Text
}

// title says what is compared with what.
func title(d *diff.Diff) string { return d.A.Name + " → " + d.B.Name }

// about is one side in words.
func about(a diff.About) string {
	text := "a " + a.Kind
	if a.Cluster != "" {
		text += " of " + a.Cluster + " " + a.Version
	}
	if a.Hosts > 0 {
		text += fmt.Sprintf(", %d hosts", a.Hosts)
	}
	if a.Revision != "" {
		text += ", commit " + a.Revision[:min(len(a.Revision), 12)]
	}
	return text
}

// count is "1 thing" or "2 things".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
