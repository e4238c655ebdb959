package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// The width of lines that nobody asked to have another one, and the most that is
// pleasant to read.
const (
	plainWidth = 80
	mostWidth  = 100
)

// widthOf is how many columns a terminal has. It is 0 for anything else, where lines
// are better left whole for grep and the like.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return plainWidth
	}
	return min(width, mostWidth)
}

// printColumns aligns the rows' cells. The last cell of a row goes on below itself
// where the line gets longer than width; 0 is no limit.
func printColumns(w io.Writer, rows [][]string, indent string, width int) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := indent
		for i, cell := range row[:len(row)-1] {
			line += fmt.Sprintf("%-*s  ", widths[i], cell)
		}
		left := utf8.RuneCountInString(line)
		for i, part := range wrap(row[len(row)-1], width-left, width > 0) {
			if i > 0 {
				line = strings.Repeat(" ", left)
			}
			fmt.Fprintln(w, strings.TrimRight(line+part, " "))
		}
	}
}

// narrowest is what a column has at least: broken words are worse than long lines.
const narrowest = 20

// wrap breaks a text between words.
func wrap(text string, width int, limited bool) []string {
	if !limited {
		return []string{text}
	}
	width = max(width, narrowest)
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := lines[len(lines)-1]
		switch {
		case last == "":
			lines[len(lines)-1] = word
		case utf8.RuneCountInString(last)+1+utf8.RuneCountInString(word) <= width:
			lines[len(lines)-1] = last + " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
