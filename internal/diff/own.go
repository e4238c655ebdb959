package diff

import "strings"

// own hides a host's own name and address in texts, so that what two hosts have in
// common shows.
type own struct {
	words []ownWord
}

type ownWord struct {
	text, mark string
	// part tells the characters that, beside the word, make it another one.
	part func(byte) bool
}

// newOwn is about one host as both sides have it. An address that changed is hidden
// too, the old one in another way than the new one.
func newOwn(a, b *host) own {
	var o own
	add := func(text, mark string, part func(byte) bool) {
		if text != "" {
			o.words = append(o.words, ownWord{text, mark, part})
		}
	}
	add(b.name, "\x00name", partOfName)
	add(b.address(), "\x00address", partOfAddress)
	if a.address() != b.address() {
		add(a.address(), "\x00old address", partOfAddress)
	}
	return o
}

func partOfName(c byte) bool {
	return c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func partOfAddress(c byte) bool { return c == '.' || '0' <= c && c <= '9' }

// hide puts marks in place of the words.
func (o own) hide(text string) string {
	for _, w := range o.words {
		text = w.hide(text)
	}
	return text
}

func (w ownWord) hide(text string) string {
	if !strings.Contains(text, w.text) {
		return text
	}
	var b strings.Builder
	before := byte('\n')
	for {
		i := strings.Index(text, w.text)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := i + len(w.text)
		if i > 0 {
			before = text[i-1]
		}
		if w.part(before) || end < len(text) && w.part(text[end]) {
			b.WriteString(text[:end])
		} else {
			b.WriteString(text[:i] + w.mark)
		}
		before, text = text[end-1], text[end:]
	}
}
