package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestColumnsFitTheWidth(t *testing.T) {
	rows := [][]string{{"a", "b", "one two three four five six seven eight nine ten"}, {"longer", "", "é"}, {"x", "y", ""}}
	var out bytes.Buffer
	printColumns(&out, rows, "  ", 40)
	want := `  a       b  one two three four five six
             seven eight nine ten
  longer     é
  x       y
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	printColumns(&out, rows, "", 0)
	if want := "a       b  one two three four five six seven eight nine ten\nlonger     é\nx       y\n"; out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestWrappingBreaksBetweenWordsAlone(t *testing.T) {
	text := "a " + strings.Repeat("x", 60) + " b c  d"
	lines := wrap(text, 30, true)
	if strings.Join(lines, " ") != strings.Join(strings.Fields(text), " ") {
		t.Errorf("got %q", lines)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 30 && strings.Contains(line, " ") {
			t.Errorf("%q is too long", line)
		}
	}
	if got := wrap("", 30, true); len(got) != 1 || got[0] != "" {
		t.Errorf("nothing is %q", got)
	}
	if got := wrap("a b", -5, true); len(got) != 1 {
		t.Errorf("a column is never narrower than %d: %q", narrowest, got)
	}
}
