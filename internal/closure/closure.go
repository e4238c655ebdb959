// Package closure proves at compile time that an offline bundle is closed: that
// nothing in its rendered tree would make a host ask for something that neither
// the bundle brings nor the host is declared to have. It follows every image that
// a file names, every program, file and unit that a script or unit uses on each
// host, and every address.
//
// It reads the plan and the tree and nothing else: no network, no file system, no
// clock. It judges what is rendered and never repairs it. It is the only importer
// of the shell's parser.
package closure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
)

// Problem is one thing that a host would have to ask of the outside, or that
// keeps the proof from being made.
type Problem struct {
	// Path is that of a rendered file, such as "steps/60-haproxy.sh".
	Path string `json:"file"`
	// Line and Column are counted from 1, columns in bytes.
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// String is "PATH:LINE:COLUMN: MESSAGE".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.Path, p.Line, p.Column, p.Message)
}

// Check returns all problems of a rendered tree, sorted by place. A problem that
// several hosts share is reported once.
func Check(p *plan.Plan, tree render.Tree) []Problem {
	if len(p.Seats) > 0 {
		return checkKit(p, tree)
	}
	return newCheck(p, tree, nil).run()
}

func (c *check) run() []Problem {
	c.scripts()
	c.units()
	c.unused()
	c.images()
	c.references()
	c.outside()
	return c.problems()
}

// place is where something is written.
type place struct {
	path         string
	line, column int
}

// finding is a problem and the hosts that have it. hosts in the message stands
// for them.
type finding struct {
	place
	message string
	hosts   []string
	// copies is how many more hosts have a file of their own with the same problem.
	copies int
}

const hosts = "{hosts}"

// report adds a problem; host is empty where it is everybody's.
func (c *check) report(at place, host, message string) {
	key := finding{place: at, message: message}.key()
	f, known := c.findings[key]
	if !known {
		f = &finding{place: at, message: message}
		c.findings[key] = f
	}
	if known && f.path != at.path {
		f.copies++
	}
	// Of one script hosts come in order, so one that is there is the last.
	if host != "" && (len(f.hosts) == 0 || f.hosts[len(f.hosts)-1] != host) {
		f.hosts = append(f.hosts, host)
	}
}

// key is the same for files that several hosts have under one name.
func (f finding) key() string {
	path := f.path
	if _, own, ok := hostFile(path); ok {
		path = own
	}
	return fmt.Sprintf("%s:%d:%d:%s", path, f.line, f.column, f.message)
}

// hostFile splits "hosts/NAME/PATH".
func hostFile(path string) (host, own string, ok bool) {
	rest, ok := strings.CutPrefix(path, "hosts/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

func (c *check) problems() []Problem {
	var list []Problem
	for _, f := range c.findings {
		slices.Sort(f.hosts) // several scripts may read in the one with the problem
		message := strings.ReplaceAll(f.message, hosts, names(slices.Compact(f.hosts)))
		if f.copies > 0 {
			message += fmt.Sprintf(" (and in the files of %s)", count(f.copies, "more host"))
		}
		list = append(list, Problem{Path: f.path, Line: f.line, Column: f.column, Message: message})
	}
	sortProblems(list)
	return list
}

func sortProblems(list []Problem) {
	slices.SortFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
}

// names is a few words for a list of hosts.
func names(hosts []string) string {
	switch len(hosts) {
	case 0:
		return "no host"
	case 1:
		return hosts[0]
	case 2:
		return hosts[0] + " and " + hosts[1]
	}
	return hosts[0] + " and " + count(len(hosts)-1, "more host")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
