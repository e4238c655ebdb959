// Package guide makes a page for browsers out of a guide's Markdown: one file that asks
// for no other, readable on a phone, in the dark and on paper. It is the only importer of
// the Markdown parser. It decides nothing about the text, and trusts none of it: raw HTML
// in it stays text.
package guide

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

//go:embed page.css
var style string

// contents is the heading of the list of chapters.
var contents = map[string]string{"en": "Contents", "zh": "目录"}

// tags are the languages as HTML calls them.
var tags = map[string]string{"en": "en", "zh": "zh-CN"}

// Page is the HTML of a text in a language, en or zh. Its title is the first heading.
func Page(markdown []byte, language string) ([]byte, error) {
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	doc := md.Parser().Parse(text.NewReader(markdown), parser.WithContext(parser.NewContext(parser.WithIDs(&chapterIDs{}))))
	var body bytes.Buffer
	if err := md.Renderer().Render(&body, markdown, doc); err != nil {
		return nil, fmt.Errorf("writing the guide as a page: %w", err)
	}
	title, list := outline(doc, markdown)
	// A table may be wider than a phone; it scrolls by itself, not the page.
	tables := strings.NewReplacer("<table>", `<div class="wide"><table>`, "</table>", "</table></div>")
	var page bytes.Buffer
	fmt.Fprintf(&page, `<!DOCTYPE html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<style>
%s</style>
</head>
<body>
<nav aria-label="%[4]s">
<details><summary>%[4]s</summary>
%[5]s</details>
</nav>
<main>
%[6]s</main>
</body>
</html>
`, tags[language], html.EscapeString(title), style, contents[language], list, tables.Replace(body.String()))
	return page.Bytes(), nil
}

// outline is the title and the list of all headings below it.
func outline(doc ast.Node, source []byte) (title, list string) {
	var b strings.Builder
	b.WriteString("<ul>\n")
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok {
			continue
		}
		words := string(h.Lines().Value(source))
		if h.Level == 1 {
			title = words
			continue
		}
		id, _ := h.AttributeString("id")
		fmt.Fprintf(&b, "<li class=\"level%d\"><a href=\"#%s\">%s</a></li>\n", h.Level, id, html.EscapeString(words))
	}
	b.WriteString("</ul>\n")
	return title, b.String()
}

// chapterIDs name headings by their number, which is the same in every language; those
// without one are counted.
type chapterIDs struct{ others int }

// Generate is for the parser.
func (c *chapterIDs) Generate(value []byte, _ ast.NodeKind) []byte {
	number, _, _ := bytes.Cut(value, []byte(" "))
	if len(number) > 2 && len(bytes.Trim(number, "0123456789.")) == 0 {
		return append([]byte("c"), number...)
	}
	c.others++
	return fmt.Appendf(nil, "s%d", c.others)
}

// Put is for the parser; nothing gives headings other names.
func (c *chapterIDs) Put([]byte) {}
