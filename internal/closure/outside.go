package closure

import (
	"bytes"
	"path"
	"strings"

	"github.com/satchel-kit/satchel/internal/plan"
)

// found is the host of a URL in a text.
type found struct {
	scheme, host string
	offset       int
}

// outside reports the addresses in files that are not the cluster's own.
func (c *check) outside() {
	texts := c.usersTexts()
	for _, f := range c.tree {
		if isProse(f.Path) || texts[f.Path] {
			continue
		}
		for _, a := range addresses(f.Data) {
			if c.own.has(a.host) || isRemark(f.Path, f.Data, a.offset) {
				continue
			}
			at := placeOf(f.Path, f.Data, a.offset)
			c.report(at, "", a.scheme+"://"+a.host+" is outside of the cluster, which a host without a network cannot reach")
		}
	}
}

// usersTexts are the files that stand in the spec as they are.
func (c *check) usersTexts() map[string]bool {
	list := map[string]bool{}
	for _, m := range c.plan.Manifests {
		if isUsers(m) {
			list["manifests/"+m.Path] = true
		}
	}
	for _, h := range c.hosts {
		for _, config := range h.Configs {
			if config.Template == "" {
				list["hosts/"+h.Name+"/"+config.Path] = true
			}
		}
	}
	return list
}

func isUsers(m plan.Manifest) bool { return m.Template == "" }

// isProse tells texts for people, which no program reads.
func isProse(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(name, "guide/") || path.Ext(name) == ".md" || path.Ext(name) == ".html" ||
		strings.HasPrefix(base, "LICENSE") || strings.HasPrefix(base, "NOTICE")
}

// isRemark tells whether a place is in a comment, or where a unit names its
// documentation.
func isRemark(name string, text []byte, offset int) bool {
	line := text[bytes.LastIndexByte(text[:offset], '\n')+1:]
	line = bytes.TrimLeft(line, " \t")
	return bytes.HasPrefix(line, []byte("#")) || isUnitFile(name) && bytes.HasPrefix(line, []byte("Documentation="))
}

func placeOf(path string, text []byte, offset int) place {
	before := text[:offset]
	return place{path, bytes.Count(before, []byte("\n")) + 1, offset - bytes.LastIndexByte(before, '\n')}
}

// addresses lists every SCHEME://HOST in a text whose host is written out.
func addresses(text []byte) []found {
	var list []found
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("://"))
		if i < 0 {
			return list
		}
		at += i
		begin := at
		for begin > 0 && isSchemeByte(text[begin-1]) {
			begin--
		}
		scheme := string(text[begin:at])
		at += len("://")
		if host := hostIn(text[at:]); scheme != "" && host != "" {
			list = append(list, found{scheme, host, begin})
		}
	}
}

func isSchemeByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '+' || b == '-' || b == '.'
}

// hostIn is the host at the beginning of a text; empty where a variable or nothing
// stands there.
func hostIn(text []byte) string {
	end := bytes.IndexAny(text, "/?# \t\r\n\"'`\\<>(){},;|&")
	if end < 0 {
		end = len(text)
	}
	if at := bytes.LastIndexByte(text[:end], '@'); at >= 0 {
		text, end = text[at+1:], end-at-1
	}
	host := string(text[:end])
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, _, _ = strings.Cut(inner, "]")
		return host
	}
	host, _, _ = strings.Cut(host, ":")
	if strings.ContainsAny(host, "$%*") {
		return ""
	}
	return host
}
