package closure

import (
	"errors"
	"path"
	"slices"
	"strings"
)

// unitFile is a systemd unit or a part of one, read once for all hosts that have it.
type unitFile struct {
	directives []directive
	problems   []Problem
}

// directive is one line of a unit: NAME=VALUE in a section.
type directive struct {
	section, name, value string
	// line and column are where the value begins.
	line, column int
}

func isUnitFile(name string) bool {
	return isUnit(path.Base(name)) || path.Ext(name) == ".conf" && isUnit(strings.TrimSuffix(path.Base(path.Dir(name)), ".d"))
}

// readUnit reads a unit (systemd.syntax(7)). The problems' paths are left to the
// caller.
func readUnit(text string) *unitFile {
	u := &unitFile{}
	section := ""
	number := 0
	var open *directive
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
			continue // also between the lines of one value
		}
		if open == nil {
			switch {
			case trimmed == "":
				continue
			case strings.HasPrefix(trimmed, "[") && strings.HasSuffix(strings.TrimRight(trimmed, " \t"), "]"):
				section = strings.Trim(trimmed, "[] \t")
				continue
			}
			name, value, ok := strings.Cut(line, "=")
			if !ok {
				u.problems = append(u.problems, Problem{Line: number, Column: 1, Message: "this line is neither [SECTION] nor NAME=VALUE, and systemd ignores it"})
				continue
			}
			indent := len(value) - len(strings.TrimLeft(value, " \t"))
			open = &directive{section: section, name: strings.TrimSpace(name), line: number, column: len(name) + 2 + indent}
			line = value[indent:]
		}
		rest, more := strings.CutSuffix(line, `\`)
		open.value += rest
		if more {
			open.value += " "
			continue
		}
		u.close(open)
		open = nil
	}
	if open != nil {
		u.close(open)
	}
	return u
}

func (u *unitFile) close(d *directive) {
	d.value = strings.TrimSpace(d.value)
	u.directives = append(u.directives, *d)
}

var errQuote = errors.New("a quote is not closed")

// commandLines splits the value of an Exec directive into commands, and each into
// words (systemd.service(5), COMMAND LINES).
func commandLines(value string) ([][]string, error) {
	words, err := splitWords(value)
	if err != nil {
		return nil, err
	}
	var lines [][]string
	for len(words) > 0 {
		end := slices.Index(words, ";")
		if end < 0 {
			end = len(words)
		}
		if end > 0 {
			line := slices.Clone(words[:end])
			line[0] = strings.TrimLeft(line[0], "@-:+!|")
			lines = append(lines, line)
		}
		words = words[min(end+1, len(words)):]
	}
	return lines, nil
}

// splitWords takes quotes and escapes away.
func splitWords(value string) ([]string, error) {
	var words []string
	var b strings.Builder
	var quote byte
	inWord := false
	for i := 0; i < len(value); i++ {
		ch := value[i]
		switch {
		case ch == '\\' && i+1 < len(value):
			i++
			b.WriteString(unescapedByte(value[i]))
			inWord = true
		case quote != 0 && ch == quote:
			quote = 0
		case quote == 0 && (ch == '"' || ch == '\''):
			quote, inWord = ch, true
		case quote == 0 && (ch == ' ' || ch == '\t'):
			if inWord {
				words = append(words, b.String())
				b.Reset()
				inWord = false
			}
		default:
			b.WriteByte(ch)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, nil
}

// unescapedByte is what an escape stands for. Those with numbers have no place in a
// program's name or path and stay as they are.
func unescapedByte(ch byte) string {
	switch ch {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 's':
		return " "
	case '\\', '"', '\'', ' ', ';':
		return string(ch)
	}
	return `\` + string(ch)
}
