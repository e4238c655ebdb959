package sign

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/ssh"
)

// maxSigners bounds the memory that a list of signers can take.
const maxSigners = 4 << 20

// Signers are those whose signatures are accepted.
type Signers struct {
	name  string
	lines []signer
}

// signer is one line of the list.
type signer struct {
	number     int
	principals string
	key        []byte
	// namespaces is nil if the line names none.
	namespaces    []string
	after, before time.Time
}

// ReadSigners reads a file in the format ALLOWED SIGNERS of ssh-keygen(1).
func ReadSigners(path string) (*Signers, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the signers: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSigners+1))
	if err != nil {
		return nil, fmt.Errorf("reading the signers %q: %w", path, err)
	}
	if len(data) > maxSigners {
		return nil, fmt.Errorf("reading the signers %q: it is larger than %d bytes", path, maxSigners)
	}
	return ParseSigners(path, data)
}

// ParseSigners reads the content of such a file; name is for errors. A line that is
// not understood whole is an error, with all other such lines: nobody is trusted, nor
// left out, because of a slip.
func ParseSigners(name string, data []byte) (*Signers, error) {
	s := &Signers{name: name}
	var problems []error
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		text = strings.Trim(text, " \t\r\n")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		line, err := parseSigner(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %w", name, number, err))
			continue
		}
		line.number = number
		s.lines = append(s.lines, *line)
	}
	if problems == nil && s.lines == nil {
		problems = append(problems, fmt.Errorf("%s: there is no signer in it", name))
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

// parseSigner reads PRINCIPALS [OPTIONS] TYPE KEY [COMMENT].
func parseSigner(text string) (*signer, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }) {
		return nil, errors.New("it has a control character")
	}
	principals, rest, err := cutPrincipals(text)
	if err != nil {
		return nil, err
	}
	line := &signer{principals: principals}
	if rest == "" {
		return nil, fmt.Errorf("behind %q there is no key", principals)
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return nil, fmt.Errorf("behind %q there is no key such as \"ssh-ed25519 AAAA…\": %w", principals, err)
	}
	for _, option := range options {
		if err := line.option(option); err != nil {
			return nil, err
		}
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if !line.after.IsZero() && !line.before.IsZero() && !line.after.Before(line.before) {
		return nil, errors.New("valid-before is not later than valid-after")
	}
	line.key = key.Marshal()
	return line, nil
}

// cutPrincipals takes off the first word, or what stands in quotes.
func cutPrincipals(text string) (principals, rest string, err error) {
	if quoted, is := strings.CutPrefix(text, `"`); is {
		principals, rest, is = strings.Cut(quoted, `"`)
		if !is {
			return "", "", errors.New("a quote is not closed")
		}
	} else if i := strings.IndexAny(text, " \t"); i >= 0 {
		principals, rest = text[:i], text[i:]
	} else {
		principals = text
	}
	if principals == "" {
		return "", "", errors.New("it names no principal")
	}
	return principals, strings.TrimLeft(rest, " \t"), nil
}

// option reads one of the options between principals and key.
func (l *signer) option(text string) error {
	name, quoted, hasValue := strings.Cut(text, "=")
	name = strings.ToLower(name)
	if name == "cert-authority" && !hasValue {
		return errors.New("cert-authority is not supported: list the keys themselves, without the authority")
	}
	value, err := unquote(quoted)
	switch {
	case err != nil:
	case name == "namespaces" && l.namespaces == nil:
		l.namespaces = strings.Split(value, ",")
	case name == "valid-after" && l.after.IsZero():
		l.after, err = parseTime(value)
	case name == "valid-before" && l.before.IsZero():
		l.before, err = parseTime(value)
	case name == "namespaces" || name == "valid-after" || name == "valid-before":
		err = errors.New("it is there twice")
	default:
		err = errors.New("it is none of namespaces=\"…\", valid-after=\"…\" and valid-before=\"…\"")
	}
	if err != nil {
		return fmt.Errorf("option %q: %w", text, err)
	}
	return nil
}

// unquote undoes the one form that values of options have.
func unquote(text string) (string, error) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return "", errors.New("its value does not stand in double quotes")
	}
	value := text[1 : len(text)-1]
	if strings.Contains(strings.ReplaceAll(value, `\"`, ""), `"`) {
		return "", errors.New("a quote stands in the middle of its value")
	}
	return strings.ReplaceAll(value, `\"`, `"`), nil
}

// parseTime reads YYYYMMDD[HHMM[SS]][Z]. Without Z (or UTC) it is the time of this
// machine's zone, as OpenSSH has it.
func parseTime(text string) (time.Time, error) {
	zone := time.Local
	digits := strings.ToUpper(text)
	for _, suffix := range []string{"UTC", "Z"} {
		if cut, is := strings.CutSuffix(digits, suffix); is {
			digits, zone = cut, time.UTC
			break
		}
	}
	layout := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(digits)]
	at, err := time.ParseInLocation(layout, digits, zone)
	if layout == "" || err != nil || at.Unix() <= 0 {
		return time.Time{}, fmt.Errorf("%q is no time such as 20300131, 203001312359 or 20300131235959Z", text)
	}
	return at, nil
}
