package review

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/progress"
)

// The most that is shown of one kind, unless all is asked for.
const (
	mostHosts  = 12
	mostKids   = 5
	mostShared = 5
)

const dim = "\x1b[2m"

// Inside writes what is in a bundle: its hosts, what takes how much, and what images
// share; with all everything, with digests.
func Inside(w io.Writer, s *bundle.Summary, all, color bool) error {
	p := &printer{w: w, color: color}
	m := s.Manifest
	p.line(bold, line(fmt.Sprintf("bundle  %s %s", m.Name, m.Version)))
	p.line("", "spec    "+m.Spec)
	p.line("", "lock    "+m.Lock)
	p.line("", "made by satchel "+line(m.Satchel))
	if m.Since != nil {
		p.fold("delta of ", line(m.Since.String()))
		p.fold("        ", fmt.Sprintf("%s are in it; %s, %s, are left to what it is a delta of, and counted below",
			progress.Bytes(s.Total-s.Left.Bytes), count(s.Left.Files, "file"), progress.Bytes(s.Left.Bytes)))
	}
	if len(m.Seats) > 0 {
		p.seats(m, all)
	} else {
		p.hosts(m.Hosts, all)
	}
	p.heading("Size")
	p.sizes(contents(s), all)
	p.shared(s, all)
	if all {
		p.digests(s)
	}
	return p.err
}

// hosts lists hosts, or where there are many how many do what.
func (p *printer) hosts(list []bundle.Host, all bool) {
	p.heading(fmt.Sprintf("Hosts (%d)", len(list)))
	var rows [][]string
	if all || len(list) <= mostHosts {
		for _, h := range list {
			rows = append(rows, []string{h.Name, h.Address, strings.Join(h.Roles, ", ")})
		}
		p.aligned(rows)
		return
	}
	names := map[string][]string{}
	var order []string
	for _, h := range list {
		roles := strings.Join(h.Roles, ", ")
		if names[roles] == nil {
			order = append(order, roles)
		}
		names[roles] = append(names[roles], h.Name)
	}
	for _, roles := range order {
		rows = append(rows, []string{fmt.Sprint(len(names[roles])), roles, some(names[roles])})
	}
	p.aligned(rows)
}

// seats lists the seats of a kit, each with its cluster, its hosts and what it has of its
// own beside what all share.
func (p *printer) seats(m *bundle.Manifest, all bool) {
	p.heading(fmt.Sprintf("Seats (%d)", len(m.Seats)))
	var rows [][]string
	for i, seat := range m.Seats {
		if !all && i == mostHosts {
			break
		}
		hosts := make([]string, len(seat.Hosts))
		for j, h := range seat.Hosts {
			hosts[j] = h.Name + " " + h.Address
		}
		rows = append(rows, []string{seat.Seat, seat.Name, progress.Bytes(m.SeatSize(seat.Seat)), strings.Join(hosts, ", ")})
	}
	if more := len(m.Seats) - len(rows); more > 0 {
		rows = append(rows, []string{"", fmt.Sprintf("and %d more", more)})
	}
	p.aligned(rows)
}

// some names a few.
func some(names []string) string {
	const few = 3
	if len(names) <= few+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// aligned writes rows with their cells below one another.
func (p *printer) aligned(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i := range row {
			row[i] = line(row[i])
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(row[i])))
		}
	}
	for _, row := range rows {
		text := " "
		for i, cell := range row {
			text += fmt.Sprintf(" %-*s", widths[i]+1, cell)
		}
		p.line("", text)
	}
}

// sizes writes a tree, the largest first.
func (p *printer) sizes(root *part, all bool) {
	total := max(root.size, 1)
	var walk func(n *part, before, last string, depth int, closed bool)
	walk = func(n *part, before, last string, depth int, closed bool) {
		p.size(n, total, before+last, depth)
		kids, rest := n.kids, (*part)(nil)
		switch {
		case !all && closed:
			return
		case !all:
			kids, rest = n.largest()
		}
		switch last {
		case "├─ ":
			before += "│  "
		case "└─ ":
			before += "   "
		}
		for i, k := range kids {
			branch := "├─ "
			if i == len(kids)-1 && rest == nil {
				branch = "└─ "
			}
			walk(k, before, branch, depth+1, n.shallow)
		}
		if rest != nil {
			p.size(rest, total, before+"└─ ", depth+1)
		}
	}
	walk(root, "", "", 0, false)
}

func (p *printer) size(n *part, total int64, branch string, depth int) {
	percent := fmt.Sprintf("%3d%%", (100*n.size+total/2)/total)
	if n.size > 0 && percent == "  0%" {
		percent = " <1%"
	}
	bar, label := blocks(n.size, total), line(n.label())
	if p.color {
		bar, branch = cyan+bar+reset, dim+branch+reset
		if depth < 2 {
			label = bold + label + reset
		}
	}
	p.line("", fmt.Sprintf("%9s  %s  %s  %s%s", progress.Bytes(n.size), percent, bar, branch, label))
}

const reset = "\x1b[0m"

// blocks is a bar of always the same width.
func blocks(size, total int64) string {
	const width = 12
	eighths := int(8 * width * size / total)
	if size > 0 {
		eighths = max(eighths, 1)
	}
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return bar + strings.Repeat(" ", width-len([]rune(bar)))
}

// shared says what several images have in common.
func (p *printer) shared(s *bundle.Summary, all bool) {
	list := s.SharedBlobs
	if len(list) == 0 {
		return
	}
	p.heading("Shared")
	is := "are"
	if len(list) == 1 {
		is = "is"
	}
	p.fold("  ", fmt.Sprintf("%s of several images %s in the bundle once; that saves %s.", count(len(list), "blob"), is, progress.Bytes(s.Shared)))
	if !all {
		list = list[:min(len(list), mostShared)]
	}
	for _, b := range list {
		names := some(b.Images)
		if all {
			names = strings.Join(b.Images, ", ")
		}
		p.line("", fmt.Sprintf("%9s  saves %s, %s", progress.Bytes(b.Size), progress.Bytes(b.Saves), b.Digest[:len("sha256:")+12]))
		p.fold("           ", line(names))
	}
}

// digests lists images and files with their digests in full.
func (p *printer) digests(s *bundle.Summary) {
	p.heading(fmt.Sprintf("Images (%d)", len(s.Images)))
	var rows [][]string
	for _, i := range s.Images {
		rows = append(rows, []string{i.Name, i.Platform, count(i.Layers, "layer"), progress.Bytes(i.Size), i.Digest})
	}
	p.aligned(rows)
	p.heading("Files")
	rows = nil
	for _, f := range s.Manifest.Files {
		if slices.Contains(carried, category(f.Path)) {
			left := ""
			if f.Base {
				left = "left to the base"
			}
			rows = append(rows, []string{f.Path, progress.Bytes(f.Size), f.SHA256, left})
		}
	}
	p.aligned(rows)
}
