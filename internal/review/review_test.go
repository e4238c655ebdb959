package review_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/satchel-kit/satchel/internal/diff"
	"github.com/satchel-kit/satchel/internal/review"
	"github.com/satchel-kit/satchel/internal/side"
)

// sides are two bundles whose texts, names and values are what somebody wants them to be.
func sides(word string, hosts int) (a, b *side.Side) {
	for _, s := range []**side.Side{&a, &b} {
		*s = &side.Side{
			Name: word, Kind: side.Bundle, Cluster: word, Version: word, Texts: map[string]side.Text{}, Absent: map[string]bool{},
			Has: side.Has{Texts: true, Images: true, Files: true, Packages: true, Settings: true},
		}
	}
	b.Notes = []string{word}
	for i := range hosts {
		name := fmt.Sprintf("%s%d", strings.ReplaceAll(word, "/", "-"), i)
		env := func(version string) side.Text {
			return side.Text{Data: fmt.Sprintf("HOST_ROLES='worker %s'\nHOST_ADDRESS='%s'\nCLUSTER_NAME='%s %d %s'\n", word, word+version, word, i, version)}
		}
		a.Texts["hosts/"+name+"/host.env"], b.Texts["hosts/"+name+"/host.env"] = env("1"), env("2")
		b.Texts["hosts/"+name+"/"+word] = side.Text{Data: word + "\n" + strings.Repeat(word, i%3)}
		b.Images = append(b.Images, side.Image{Name: name + ":" + word, Platforms: []side.Platform{{Platform: word, Digest: word, Size: 1}}})
		b.Files = append(b.Files, side.File{Path: "files/" + name, URL: word, SHA256: word, Size: 5})
		b.Packages = append(b.Packages, side.Package{Place: word, Name: name, Version: word, Arch: word})
	}
	a.Settings, b.Settings = map[string]string{word: "1"}, map[string]string{word: word, word + "x": word}
	b.Texts["manifests/x.yaml"] = side.Text{Data: "kind: ConfigMap\napiVersion: v1\nmetadata: {name: " + word + "}\n"}
	return a, b
}

// hostile are words that mean something to Markdown, HTML, terminals or shells.
var hostile = []string{
	"plain", "`", "``` ", "````\n```", "|", "</details>", "<script>alert(1)</script>", "@everyone", "#1", "\x1b[31m", "a\nb", "\u202eb", "\xff\xfe",
	"![x](http://example.com/x.png)", "\\", "*_~", "'; rm -rf /", "-->", "\r\n",
}

func TestMarkdownStaysMarkdown(t *testing.T) {
	for _, word := range hostile {
		a, b := sides(word, 2)
		d := diff.Compare(a, b)
		all := formats(t, d)
		judge(t, all["md"])
		for _, format := range []string{"md", "txt"} {
			if strings.ContainsAny(all[format], "\x1b\r\u202e") || !utf8.ValidString(all[format]) {
				t.Errorf("%q gets into %s as it is", word, format)
			}
		}
		var again diff.Diff
		if err := json.Unmarshal([]byte(all["json"]), &again); err != nil {
			t.Error(err)
		}
	}
}

var (
	fence = regexp.MustCompile("^(`{3,})diff$")
	span  = regexp.MustCompile("`+")
)

// judge reads Markdown as GitHub does, as far as it is used here: fences end where they
// should, and outside of fences and code spans nothing has a meaning that is not ours.
func judge(t *testing.T, markdown string) {
	t.Helper()
	if len(markdown) > review.MaxMarkdown {
		t.Errorf("it has %d bytes", len(markdown))
	}
	open, depth := "", 0
	for line := range strings.Lines(markdown) {
		line = strings.TrimSuffix(line, "\n")
		if open != "" {
			if strings.TrimRight(line, " ") == open {
				open = ""
			}
			continue
		}
		if m := fence.FindStringSubmatch(line); m != nil {
			open = m[1]
			continue
		}
		bare := strings.ReplaceAll(withoutSpans(line), `\|`, "")
		bare = regexp.MustCompile(`<code>[^<]*</code>`).ReplaceAllString(bare, "")
		depth += strings.Count(bare, "<details>") + strings.Count(bare, "<details open>") - strings.Count(bare, "</details>")
		for _, ours := range []string{"<details>", "<details open>", "</details>", "<summary>", "</summary>"} {
			bare = strings.ReplaceAll(bare, ours, "")
		}
		bare = regexp.MustCompile(`\\[[:punct:]]`).ReplaceAllString(bare, "")
		bare = strings.NewReplacer("&#64;", "", "&lt;", "", "&gt;", "", "&amp;", "", "**", "", "### ", "").Replace(bare)
		if strings.ContainsAny(bare, "<>`@") || strings.Contains(bare, "](") {
			t.Errorf("the line has a meaning: %q", line)
		}
		if strings.HasPrefix(line, "| `") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") < 3 {
			t.Errorf("a row is broken: %q", line)
		}
	}
	if open != "" || depth != 0 {
		t.Errorf("a fence %q or %d sections are open at the end", open, depth)
	}
}

// withoutSpans takes code spans out: a run of backticks up to the next of its length.
func withoutSpans(line string) string {
	var b strings.Builder
	for {
		at := span.FindStringIndex(line)
		if at == nil {
			b.WriteString(line)
			return b.String()
		}
		if at[0] > 0 && line[at[0]-1] == '\\' {
			b.WriteString(line[:at[0]-1])
			line = line[at[0]+1:]
			continue
		}
		run := line[at[0]:at[1]]
		b.WriteString(line[:at[0]])
		line = line[at[1]:]
		for skip := 0; ; {
			end := span.FindStringIndex(line[skip:])
			if end == nil {
				b.WriteString(run)
				break
			}
			if end[1]-end[0] == len(run) {
				line = line[skip+end[1]:]
				break
			}
			skip += end[1]
		}
	}
}

func TestMarkdownFitsIntoAComment(t *testing.T) {
	for _, word := range []string{"w", strings.Repeat("long ", 500), strings.Repeat("`", 3000), strings.Repeat("\x01", 2000), strings.Repeat("|", 2000), strings.Repeat("@<", 1000)} {
		a, b := sides(word, 400)
		d := diff.Compare(a, b)
		text := formats(t, d)["md"]
		judge(t, text)
		if !regexp.MustCompile("(?m)^[0-9]+ hosts more: run `satchel diff old new`$").MatchString(text) {
			t.Errorf("it does not say how many hosts are left out: %.3000s", text)
		}
		if !regexp.MustCompile("(?m)^[0-9]+ differences? of texts more on [0-9]+ hosts?: run `satchel diff old new`$").MatchString(text) {
			t.Errorf("it does not say which texts are left out: %s", text[max(0, len(text)-500):])
		}
	}
}

func TestTextOfAColumn(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			text := golden(t, c.name+".txt")
			texts := false
			for line := range strings.Lines(text) {
				texts = texts || line == "TEXTS\n"
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !texts {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// Of long values the part that differs is shown.
func TestLongValues(t *testing.T) {
	long := strings.Repeat("a", 200)
	a, b := sides("w", 0)
	a.Settings = map[string]string{"f": `"` + long + "1" + long + `"`, "g": `"x"`}
	b.Settings = map[string]string{"f": `"` + long + "2" + long + `"`, "g": `"x` + strings.Repeat("ü", 100) + `"`}
	text := formats(t, diff.Compare(a, b))["txt"]
	for _, want := range []string{"…aaaaaaaaaaaa1aaa", "→ …aaaaaaaaaaaa2aaa", "\"x\" → \"xüü"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

func TestColor(t *testing.T) {
	a, b := sides("w", 1)
	d := diff.Compare(a, b)
	var plain, colored bytes.Buffer
	if err := review.Text(&plain, d, false); err != nil {
		t.Fatal(err)
	}
	if err := review.Text(&colored, d, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(colored.String(), "\x1b[32m+w") {
		t.Errorf("no green in %q", colored.String())
	}
	if got := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(colored.String(), ""); got != plain.String() {
		t.Error("colours change the text")
	}
}

func FuzzReview(f *testing.F) {
	for _, word := range hostile {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		a, b := sides(word, 3)
		all := formats(t, diff.Compare(a, b))
		judge(t, all["md"])
		if strings.ContainsAny(all["txt"], "\x1b\r") || !utf8.ValidString(all["txt"]) {
			t.Errorf("a terminal would act on %q", word)
		}
	})
}
