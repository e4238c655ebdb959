package review

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/satchel-kit/satchel/internal/diff"
)

// MaxMarkdown is in bytes. A comment on GitHub may have 65,536 characters, of at least a
// byte each; what is left is for a line of whoever posts it.
const MaxMarkdown = 65000

// The most that the parts take, in bytes. What is left is for the texts.
const (
	maxEffects = 14 << 10
	maxTable   = 4 << 10
	maxRemarks = 4 << 10
	maxText    = 12 << 10
	maxCell    = 300
	// tail is kept free for the last line, which says what was cut.
	tail = 1 << 10
)

// What a change does is what a reviewer came for: it is open where it is short.
const (
	whatItDoes = "What it does"
	mostOpen   = 12
)

// page is Markdown that grows up to a bound.
type page struct {
	b     strings.Builder
	again string
}

// Markdown writes a comparison as a comment. again is the command that shows all of it.
func Markdown(w io.Writer, d *diff.Diff, again string) error {
	p := &page{again: clip(again, maxCell)}
	p.head(d)
	if d.Different {
		p.summary(d)
	}
	p.effects(d.Effects)
	for _, t := range tables(d) {
		p.table(t)
	}
	p.remarks(d)
	p.texts(d.Texts)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *page) head(d *diff.Diff) {
	fmt.Fprintf(&p.b, "### satchel diff: %s → %s\n\n", code(clip(d.A.Name, maxCell)), code(clip(d.B.Name, maxCell)))
	fmt.Fprintf(&p.b, "- A: %s\n- B: %s\n", code(clip(about(d.A), maxCell)), code(clip(about(d.B), maxCell)))
	room := maxRemarks
	for i, n := range d.Notes {
		text := "- " + words(clip(n, maxCell)) + "\n"
		if room -= len(text); room < 0 {
			fmt.Fprintf(&p.b, "- %s more: run %s\n", count(len(d.Notes)-i, "note"), code(p.again))
			break
		}
		p.b.WriteString(text)
	}
	p.b.WriteString("\n")
	if !d.Different {
		p.b.WriteString("Nothing differs.\n")
	}
}

// summary says in one table how much there is of what.
func (p *page) summary(d *diff.Diff) {
	p.b.WriteString("| | |\n|---|---|\n")
	for _, kind := range diff.Kinds {
		var what []string
		for _, e := range d.Effects {
			if e.Kind == kind {
				what = append(what, e.What)
			}
		}
		if len(what) == 0 {
			continue
		}
		shown := what[:min(len(what), 4)]
		cell := ""
		for i, one := range shown {
			if i > 0 {
				cell += ", "
			}
			cell += code(clip(one, 60))
		}
		if more := len(what) - len(shown); more > 0 {
			cell += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(&p.b, "| **%s** | %s |\n", headings[kind], pipes(cell))
	}
	for _, t := range tables(d) {
		if len(t.rows) > 0 {
			fmt.Fprintf(&p.b, "| %s | %d |\n", strings.ToLower(t.title), len(t.rows))
		}
	}
	if len(d.Texts) > 0 {
		fmt.Fprintf(&p.b, "| differences of texts | %d |\n", len(d.Texts))
	}
	p.b.WriteString("\n")
}

// section folds lines, as many as fit into the bound; the rest are counted.
func (p *page) section(heading, before string, lines []string, bound int, thing string) {
	if len(lines) == 0 {
		return
	}
	open := ""
	if heading == whatItDoes && len(lines) <= mostOpen {
		open = " open"
	}
	fmt.Fprintf(&p.b, "<details%s><summary>%s (%d)</summary>\n\n%s", open, heading, len(lines), before)
	room := bound
	for i, text := range lines {
		if room -= len(text); room < 0 {
			fmt.Fprintf(&p.b, "\n%s more: run %s\n", count(len(lines)-i, thing), code(p.again))
			break
		}
		p.b.WriteString(text)
	}
	p.b.WriteString("\n</details>\n\n")
}

func (p *page) effects(list []diff.Effect) {
	var lines []string
	kind := diff.Kind("")
	for _, e := range list {
		text := ""
		if e.Kind != kind {
			kind = e.Kind
			text = fmt.Sprintf("\n**%s**\n\n", headings[kind])
		}
		text += "- " + code(clip(e.What, maxCell))
		if e.Text != "" {
			text += " " + words(clip(e.Text, 2*maxCell))
		}
		if e.On != "" {
			text += " — on " + code(clip(e.On, maxCell))
		}
		if e.Step != "" {
			text += " (" + code(e.Step) + ")"
		}
		lines = append(lines, text+"\n")
	}
	p.section(whatItDoes, "", lines, maxEffects, "effect")
}

func (p *page) table(t table) {
	before := "| |"
	for _, head := range t.head {
		before += " " + head + " |"
	}
	before += "\n|---|" + strings.Repeat("---|", len(t.head)) + "\n"
	var lines []string
	for _, r := range t.rows {
		text := "| " + code(r.mark) + " |"
		for _, cell := range r.cells {
			if cell != "" {
				cell = code(clip(cell, maxCell))
			}
			text += " " + pipes(cell) + " |"
		}
		lines = append(lines, text+"\n")
	}
	p.section(t.title, before, lines, maxTable, strings.ToLower(strings.TrimSuffix(strings.Fields(t.title)[0], "s")))
}

func (p *page) remarks(d *diff.Diff) {
	var lines []string
	for _, g := range d.NotCompared {
		lines = append(lines, "- "+words(clip(g.What+": "+g.Why, maxCell))+"\n")
	}
	p.section("Not compared", "", lines, maxRemarks, "part")
}

// texts writes differences while they fit, and says which hosts the rest are about.
func (p *page) texts(list []diff.Text) {
	left, hosts := 0, map[string]bool{}
	for _, t := range list {
		block := p.text(t)
		if p.b.Len()+len(block) > MaxMarkdown-tail {
			left++
			for _, h := range t.Hosts {
				hosts[h] = true
			}
			continue
		}
		p.b.WriteString(block)
	}
	if left == 0 {
		return
	}
	on := ""
	if len(hosts) > 0 {
		on = " on " + count(len(hosts), "host")
	}
	fmt.Fprintf(&p.b, "%s of texts more%s: run %s\n", count(left, "difference"), on, code(p.again))
}

func (p *page) text(t diff.Text) string {
	body := visible(t.Diff)
	said := ""
	if len(body) > maxText {
		whole := strings.Count(body, "\n")
		body = body[:strings.LastIndexByte(body[:maxText], '\n')+1]
		if body == "" {
			body = cut(strings.ToValidUTF8(visible(t.Diff)[:maxText], ""), maxText) + "\n"
		}
		said = fmt.Sprintf("%s more: run %s\n\n", count(whole-strings.Count(body, "\n"), "line"), code(p.again))
	}
	fence := strings.Repeat("`", max(3, longestRun(body)+1))
	title := html.EscapeString(clip(textTitle(t), 2*maxCell))
	return fmt.Sprintf("<details><summary><code>%s</code></summary>\n\n%sdiff\n%s%s\n\n%s</details>\n\n", title, fence, body, fence, said)
}

// longestRun is the longest run of backticks.
func longestRun(text string) int {
	longest, run := 0, 0
	for i := range len(text) {
		if run++; text[i] != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// code is a text as a code span, in which nothing has a meaning.
func code(text string) string {
	text = line(text)
	if text == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(text)+1)
	// A backtick or a space at the edge would be read as part of the span's own.
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.Trim(text, " ") != text {
		text = " " + text + " "
	}
	return fence + text + fence
}

// words is a text outside of code: every character that could have a meaning is escaped,
// and an @ does not call anybody.
func words(text string) string {
	var b strings.Builder
	for _, r := range line(text) {
		switch {
		case r == '@':
			b.WriteString("&#64;")
		case r == '<' || r == '>' || r == '&':
			b.WriteString(html.EscapeString(string(r)))
		case strings.ContainsRune("\\`*_{}[]()#+!|~", r):
			b.WriteRune('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// pipes keeps a cell in its column; inside code too GitHub reads pipes first.
func pipes(cell string) string { return strings.ReplaceAll(cell, "|", `\|`) }

// clip is a text in one line of a certain length at most.
func clip(text string, most int) string { return cut(line(text), most) }

// cut shortens a text to a number of bytes, at a character's end.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
