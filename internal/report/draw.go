package report

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// The measures of the picture, in pixels. Fonts differ from machine to machine, so texts
// get the room that the widest usual font takes.
const (
	margin     = 8
	inside     = 14
	cardHeight = 60
	cardGap    = 10
	chipHeight = 22
	titleSpace = 34
	monoWidth  = 7.9 // of 13 pixels
	smallWidth = 7.0 // of 11 pixels
	linked     = 44  // two panels with a connection
	apart      = 18  // two panels without
)

// layout is where a panel and its parts lie.
type layout struct {
	x, y, width, height int
	columns             int
	cardWidth           int
	chipLines           [][]string
}

// canvas collects the picture's elements.
type canvas struct{ strings.Builder }

func (v *canvas) add(format string, args ...any) { fmt.Fprintf(v, format+"\n", args...) }

func (v *canvas) text(class string, x, y int, anchor, text string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	v.add(`<text class="%s" x="%d" y="%d"%s>%s</text>`, class, x, y, anchor, html.EscapeString(text))
}

// standalone is the picture as a document of its own.
func (c *Cluster) standalone(width int) string {
	style := "<style>\n" + colors + pictureStyle + "</style>\n"
	text := c.draw(width)
	at := strings.Index(text, "\n") + 1
	return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + text[:at] + style + text[at:]
}

// draw is the picture in a width.
func (c *Cluster) draw(width int) string {
	list := c.panels()
	gutter := 36
	if width < 500 {
		gutter = 20
	}
	y := place(list, margin+gutter, width-2*(margin+gutter))
	height := y + margin
	if !list[len(list)-1].outside {
		height += inside
	}
	var v canvas
	// The identifiers differ: a page has the picture twice.
	v.add(`<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="picture-%[1]d picture-text-%[1]d">`, width, height)
	v.add(`<title id="picture-%d">%s</title>`, width, html.EscapeString("Cluster "+c.Name))
	v.add(`<desc id="picture-text-%d">%s</desc>`, width, html.EscapeString(c.Summary+"."))
	v.add(`<rect class="paper" width="%d" height="%d"/>`, width, height)
	v.frame(c, list, width)
	v.connections(list, width, gutter)
	for _, p := range list {
		v.panel(p)
	}
	v.WriteString("</svg>\n")
	return v.String()
}

// frame is the hosts' subnet, and above it where connections come from.
func (v *canvas) frame(c *Cluster, list []*panel, width int) {
	own := slices.DeleteFunc(slices.Clone(list), func(p *panel) bool { return p.outside })
	last := own[len(own)-1]
	top, bottom := own[0].y-titleSpace, last.y+last.height+inside
	v.add(`<rect class="subnet" x="%d" y="%d" width="%d" height="%d" rx="10"/>`, margin, top, width-2*margin, bottom-top)
	label := "hosts " + c.plan.Cluster.System.Hosts
	room := int(float64(len(label))*smallWidth) + 16
	v.add(`<rect class="paper" x="%d" y="%d" width="%d" height="16"/>`, margin+14, top-8, room)
	v.text("subnet-text", margin+22, top+4, "", label)
	v.add(`<rect class="source" x="%d" y="%d" width="200" height="30" rx="15"/>`, width/2-100, margin)
	v.text("source-text", width/2, margin+20, "middle", "users and operators")
	v.arrow(width/2, margin+30, list[0].y, "")
}

// place lays the panels out below one another and gives the end of the last.
func place(list []*panel, x, width int) int {
	y := margin + 30 + 30 + titleSpace
	room := width - 2*inside
	columns := grid(list, room)
	for i, p := range list {
		if i > 0 {
			y += apart
			if _, ok := link(list[i-1], p); ok {
				y += linked - apart
			}
			if list[i-1].outside != p.outside {
				y += apart + 6
			}
		}
		p.x, p.y, p.width = x, y, width
		p.columns = columns
		if columns == 1 {
			// One long name is no reason to stretch all other cards.
			p.columns = grid(list[i:i+1], room)
		}
		p.measure()
		y += p.height
	}
	return y
}

// measure finds how many chips go beside one another, and how high the panel is with its
// cards in their columns.
func (p *panel) measure() {
	room := p.width - 2*inside
	p.cardWidth = (room - (p.columns-1)*cardGap) / p.columns
	line, left := []string(nil), room
	for _, chip := range p.chips {
		need := chipWidth(chip) + 8
		if len(line) > 0 && need > left {
			p.chipLines, line, left = append(p.chipLines, line), nil, room
		}
		line, left = append(line, chip), left-need
	}
	if len(line) > 0 {
		p.chipLines = append(p.chipLines, line)
	}
	rows := (len(p.cards) + p.columns - 1) / p.columns
	p.height = titleSpace + rows*(cardHeight+cardGap) - cardGap + inside
	if n := len(p.chipLines); n > 0 {
		p.height += n*(chipHeight+4) + 8
	}
}

// grid is how many cards go beside one another, the same in all panels: as many as the
// widest leaves room for, and no more than there are.
func grid(list []*panel, room int) int {
	widest, number := 0.0, 0
	for _, p := range list {
		number = max(number, len(p.cards))
		for _, c := range p.cards {
			widest = max(widest, float64(utf8.RuneCountInString(c.name))*monoWidth,
				float64(utf8.RuneCountInString(c.address))*monoWidth, float64(utf8.RuneCountInString(c.note))*smallWidth)
		}
	}
	return max(1, min((room+cardGap)/(int(widest)+24+cardGap), number, 4))
}

func chipWidth(text string) int { return int(float64(utf8.RuneCountInString(text))*6.7) + 14 }

func (v *canvas) panel(p *panel) {
	v.add(`<g class="panel %s">`, p.class)
	v.add(`<rect class="panel-box" x="%d" y="%d" width="%d" height="%d" rx="8"/>`, p.x, p.y, p.width, p.height)
	v.text("panel-title", p.x+inside, p.y+22, "", p.title)
	y := p.y + titleSpace
	for i, c := range p.cards {
		if i > 0 && i%p.columns == 0 {
			y += cardHeight + cardGap
		}
		v.card(c, p.x+inside+i%p.columns*(p.cardWidth+cardGap), y, p.cardWidth)
	}
	y += cardHeight + 10
	for _, line := range p.chipLines {
		x := p.x + inside
		for _, chip := range line {
			w := chipWidth(chip)
			v.add(`<rect class="chip" x="%d" y="%d" width="%d" height="%d" rx="4"/>`, x, y, w, chipHeight)
			v.text("chip-text", x+7, y+15, "", chip)
			x += w + 8
		}
		y += chipHeight + 4
	}
	v.add(`</g>`)
}

func (v *canvas) card(c card, x, y, width int) {
	if c.several {
		v.add(`<rect class="card" x="%d" y="%d" width="%d" height="%d" rx="5"/>`, x+4, y-4, width-4, cardHeight)
	}
	v.add(`<rect class="card" x="%d" y="%d" width="%d" height="%d" rx="5"/>`, x, y, width, cardHeight)
	lines := []struct{ class, text string }{{"card-name", c.name}, {"card-address", c.address}, {"card-note", c.note}}
	at := y + 20
	if c.note == "" {
		at = y + 26
	}
	for _, line := range lines {
		if line.text == "" {
			continue
		}
		per := monoWidth
		if line.class == "card-note" {
			per = smallWidth
		}
		v.text(line.class, x+12, at, "", fit(line.text, int(float64(width-20)/per)))
		at += 17
	}
}

// fit shortens a text in its middle: names of one kind differ at both ends.
func fit(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most || most < 3 {
		return text
	}
	half := (most - 1) / 2
	return string(runes[:most-1-half]) + "…" + string(runes[len(runes)-half:])
}
