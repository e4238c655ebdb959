package deb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func FuzzStanzas(f *testing.F) {
	f.Add([]byte(control("a", "1", "Depends: b | c (>= 1)", "Description: a\n b\n .\n c")))
	f.Add([]byte("Package: a\r\nVersion: 1\r\n\r\n\r\nPackage: b\n"))
	f.Add([]byte(" a\n\n:\n\nA:\n\tb"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s := newStanzas(bytes.NewReader(content))
		for last := 0; ; {
			stanza, err := s.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			if len(bytes.TrimSpace(stanza)) == 0 || s.first <= last {
				t.Fatalf("a paragraph %q at line %d after line %d", stanza, s.first, last)
			}
			last = s.first
			kept, id, err := trim(nil, stanza)
			if err != nil {
				continue
			}
			again, same, err := trim(nil, kept)
			if err != nil || !bytes.Equal(again, kept) || !bytes.Equal(same.name, id.name) {
				t.Fatalf("%q is not what it was: %q, %v", kept, again, err)
			}
		}
		// Whatever is read, is good enough to be resolved.
		if x := newIndex(base, "amd64"); x.add(bytes.NewReader(content)) == nil {
			for name := range x.byName {
				if _, err := Resolve([]*Index{x}, nil, Request{Names: []string{name}}); err != nil && !strings.Contains(err.Error(), name) {
					t.Fatal(err)
				}
			}
		}
		_, _ = ReadInstalled(bytes.NewReader(content))
	})
}

func FuzzRelations(f *testing.F) {
	for _, s := range []string{"a", "a (>= 1:2.0-1~x)", "a | b:any (<< 3), c:amd64", "a (= 1) ,, b", "a(>1)", "a (", "|", "a:b:c", "a (>= 1) x", "a [amd64]", "a <!nocheck>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseDepends(text)
		if err != nil {
			return
		}
		var words []string
		for _, a := range all {
			words = append(words, a.String())
		}
		again, err := parseDepends(strings.Join(words, ", "))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(all) {
			t.Errorf("%q was read as %v, and that as %v: %v", text, all, again, err)
		}
	})
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte(bookwormFields + "SHA256:\n " + strings.Repeat("0", 64) + " 12 main/binary-amd64/Packages.xz\n"))
	f.Add([]byte("SHA256: x\n"))
	f.Add([]byte("Date: Mon, 2 Jan 2006 15:04:05 +0000\nSHA256:\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRelease(text)
		if err != nil {
			return
		}
		_ = r.judge("bookworm", moment, false)
		for name, s := range r.files {
			if len(s.sha256) != 64 || s.size < 0 || name == "" {
				t.Errorf("%q: %+v", name, s)
			}
		}
	})
}
