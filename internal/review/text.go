package review

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/satchel-kit/satchel/internal/diff"
)

// width is what lines fit into, other than those of differences and words that are
// longer themselves.
const width = 80

// printer writes text, and keeps the first error.
type printer struct {
	w     io.Writer
	color bool
	err   error
}

func (p *printer) line(style, text string) {
	if p.err != nil {
		return
	}
	text = strings.TrimRight(text, " ")
	if p.color && style != "" {
		text = style + text + "\x1b[0m"
	}
	_, p.err = io.WriteString(p.w, text+"\n")
}

// The styles of a terminal.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
)

// Text writes a comparison for a terminal or a pipe.
func Text(w io.Writer, d *diff.Diff, color bool) error {
	p := &printer{w: w, color: color}
	p.line(bold, line(title(d)))
	p.fold("  A  ", line(about(d.A)))
	p.fold("  B  ", line(about(d.B)))
	for _, n := range d.Notes {
		p.fold("  !  ", line(n))
	}
	if !d.Different {
		p.line("", "")
		p.line("", "nothing differs")
	}
	p.effects(d.Effects)
	for _, t := range tables(d) {
		p.table(t)
	}
	p.remarks(d)
	p.texts(d.Texts)
	return p.err
}

// fold writes a text behind a first word, and goes on below itself.
func (p *printer) fold(first, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(first))
	for i, part := range fold(text, width-len(indent)) {
		if i == 1 {
			first = indent
		}
		p.line("", first+part)
	}
}

// fold breaks a text between words.
func fold(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

func (p *printer) heading(text string) {
	p.line("", "")
	p.line(bold, strings.ToUpper(text))
}

func (p *printer) effects(list []diff.Effect) {
	if len(list) == 0 {
		return
	}
	p.heading("What it does")
	kind := diff.Kind("")
	for _, e := range list {
		if e.Kind != kind {
			kind = e.Kind
			p.line(severity(kind), "  "+headings[kind])
		}
		text := sentence(e)
		if e.Step != "" {
			text += " (" + e.Step + ")"
		}
		p.fold("    - ", line(text))
		if e.On != "" {
			p.fold("      on ", line(e.On))
		}
	}
}

// severity colours what cannot be done by install.sh alone.
func severity(kind diff.Kind) string {
	switch kind {
	case diff.Refused, diff.Rebuild, diff.Rejoin:
		return red
	}
	return cyan
}

func (p *printer) table(t table) {
	if len(t.rows) == 0 {
		return
	}
	p.heading(t.title)
	colors := map[string]string{"+": green, "-": red}
	first := ""
	for _, r := range t.rows {
		cells := make([]string, 0, len(r.cells))
		for _, cell := range r.cells {
			if cell != "" {
				cells = append(cells, line(cell))
			}
		}
		// An image of several platforms is named once.
		name := cells[0]
		if t.title == "Images" && name == first {
			cells = cells[2:]
		}
		first = name
		text := "  " + r.mark + " " + strings.Join(cells, "  ")
		if utf8.RuneCountInString(text) <= width {
			p.line(colors[r.mark], text)
			continue
		}
		p.line(colors[r.mark], "  "+r.mark+" "+cells[0])
		for _, cell := range cells[1:] {
			p.long(colors[r.mark], cell)
		}
	}
}

// long writes a cell on lines of its own; what moved and does not fit is broken there.
func (p *printer) long(style, cell string) {
	old, fresh, ok := strings.Cut(cell, " → ")
	if ok && utf8.RuneCountInString(cell) > width-6 {
		p.line(style, "      "+old)
		p.line(style, "      → "+fresh)
		return
	}
	p.line(style, "      "+cell)
}

func (p *printer) remarks(d *diff.Diff) {
	if len(d.NotCompared) == 0 {
		return
	}
	p.heading("Not compared")
	for _, g := range d.NotCompared {
		p.fold("  - ", line(g.What+": "+g.Why))
	}
}

func (p *printer) texts(list []diff.Text) {
	if len(list) == 0 {
		return
	}
	p.heading("Texts")
	for _, t := range list {
		p.line("", "")
		p.line(bold, line(textTitle(t)))
		if len(t.Hosts) > 1 {
			p.line("", "shown: "+line(t.Path))
		}
		for part := range strings.Lines(visible(t.Diff)) {
			p.line(diffColor(part), strings.TrimSuffix(part, "\n"))
		}
	}
}

func diffColor(part string) string {
	switch part[0] {
	case '+':
		return green
	case '-':
		return red
	case '@':
		return cyan
	}
	return ""
}

// textTitle names a difference of texts.
func textTitle(t diff.Text) string {
	text := fmt.Sprintf("%s %s +%d -%d", marks[t.Change], t.File, t.Plus, t.Minus)
	if t.On != "" {
		text += " on " + t.On
	}
	if t.Mode {
		text += ", whether it may be run changes"
	}
	return text
}
