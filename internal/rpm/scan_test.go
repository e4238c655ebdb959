package rpm

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// pieces are what a reader of XML finds, in a form that two readers can be compared in.
func pieces(r io.Reader) ([]string, error) {
	var list []string
	for s := newScanner(r); ; {
		piece, err := s.next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		switch piece {
		case startPiece:
			word := "<" + string(s.name)
			err := s.each(func(name, value []byte) error {
				if string(name) != "xmlns" {
					word += fmt.Sprintf(" %s=%q", name, value)
				}
				return nil
			})
			if err != nil {
				return list, err
			}
			list = append(list, word)
		case endPiece:
			list = append(list, "</"+string(s.name))
		case textPiece:
			list = addText(list, string(s.text))
		}
	}
}

// addText joins texts that are next to each other.
func addText(list []string, text string) []string {
	if n := len(list); n > 0 && strings.HasPrefix(list[n-1], "\"") {
		list[n-1] += text
		return list
	}
	return append(list, "\""+text)
}

func standardPieces(r io.Reader) ([]string, error) {
	var list []string
	depth := 0
	for d := xml.NewDecoder(r); ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			word := "<" + token.Name.Local
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" {
					word += fmt.Sprintf(" %s=%q", a.Name.Local, a.Value)
				}
			}
			list = append(list, word)
		case xml.EndElement:
			depth--
			list = append(list, "</"+token.Name.Local)
		case xml.CharData:
			if depth > 0 {
				list = addText(list, string(token))
			}
		}
	}
}

var documents = []string{
	string(primaryOf(pkg("a-1:2-3.x86_64", "Requires: (b if c)", "Requires: d >= 1", "File: /usr/bin/a&b"))),
	string(fileListsOf(pkg("a-1-1.noarch", "Listed: /usr/share/a>b"))),
	`<a><b x='1' y="a>b" z = "&lt;&#65;&#x42;"/><!-- <c> --><![CDATA[<&]]>t&amp;<c:d ></c:d ><?pi x?></a>`,
	"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- x -->\n<a>\n</a>\n",
	"<a><b></a></b>", "<a", "<a>", "<a/><b/>", "<a>&x;</a>", "<a>&#0;</a>", "<a b></a>", "<a b=c></a>", "x<a/>", "<a/>x", "", "<!DOCTYPE a><a/>", "<a><!", "<></>",
}

func TestTheScannerFindsWhatTheStandardLibraryFinds(t *testing.T) {
	for _, text := range documents {
		want, errWant := standardPieces(strings.NewReader(text))
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			got, err := pieces(r)
			if err == nil && (errWant != nil || strings.Join(got, "\n") != strings.Join(want, "\n")) {
				t.Errorf("%.60s:\n%v\nand not %v, %v", text, got, want, errWant)
			}
		}
	}
	if _, err := pieces(strings.NewReader(documents[2])); err != nil {
		t.Error(err)
	}
}

func TestWhatTheScannerDoesNotReadIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"": "there is nothing in it", "<a>\n<b>": "line 2: <b> has no end", "<a></b>": "</b> is the end of nothing", "<a/><b/>": "after the end", "x": "is no XML", "<a/>\nx": "is no XML",
		"<a>&nbsp;</a>": "&nbsp; is no entity", "<a>&lt</a>": "has no end", "<!DOCTYPE a>": "no index of a repository", "<a": "cut short", "<a><!--": "cut short", "<a><![CDATA[": "cut short",
		"<a>" + strings.Repeat("<b>", 200): "no element of an index", "<a>" + strings.Repeat("x", maxPiece+1): "more than",
	} {
		_, err := pieces(strings.NewReader(text))
		mustFail(t, err, want)
	}
	if _, err := pieces(strings.NewReader("<a>" + strings.Repeat("<!---->", 1<<20) + "</a>")); err != nil {
		t.Error(err) // and not a stack that grows
	}
}

func FuzzScanner(f *testing.F) {
	for _, d := range documents {
		f.Add([]byte(d))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if bytes.ContainsAny(content, "\r") {
			return // which XML turns into "\n", and no index has
		}
		got, err := pieces(bytes.NewReader(content))
		if err != nil {
			return
		}
		want, errWant := standardPieces(bytes.NewReader(content))
		if errWant == nil && strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q\nand not %q", got, want)
		}
	})
}

func FuzzPrimary(f *testing.F) {
	for _, d := range documents {
		f.Add([]byte(d))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		x := newIndex(base, "x86_64")
		if err := x.add(bytes.NewReader(content)); err != nil {
			return
		}
		var asked []string
		for _, p := range x.packages {
			if p.Name == "" || p.SHA256 == "" && p.SHA512 == "" {
				t.Errorf("%+v", p)
			}
			asked = append(asked, p.Name)
		}
		_, _ = x.readFileLists(bytes.NewReader(content), map[string]bool{"/usr/bin/a": true})
		if len(asked) < 5 {
			_, _ = Resolve([]*Index{x}, nil, ask(asked...))
		}
	})
}

func FuzzRepomd(f *testing.F) {
	f.Add(repodataOf(f, ".gz", pkg("a-1-1.noarch")).repomd())
	f.Add([]byte(comps))
	f.Add([]byte(modules))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := parseRepomd(bytes.NewReader(content))
		if err == nil {
			if d := m.data["primary"]; d.href == "" || d.sum.hex == "" {
				t.Errorf("%+v", m)
			}
		}
		_, _ = readCore(bytes.NewReader(content))
		_, _ = readModules(bytes.NewReader(content))
	})
}
