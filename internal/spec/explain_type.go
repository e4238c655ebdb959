package spec

import (
	"slices"
	"strings"

	"cuelang.org/go/cue"
)

// kindWords are CUE's kinds for people, in the order in which they are named.
var kindWords = []struct {
	kind  cue.Kind
	words string
}{
	{cue.StringKind, "string"},
	{cue.BytesKind, "bytes"},
	{cue.NumberKind, "number"},
	{cue.IntKind, "integer"},
	{cue.FloatKind, "number"},
	{cue.BoolKind, "boolean"},
	{cue.StructKind, "struct"},
	{cue.ListKind, "list"},
	{cue.NullKind, "null"},
}

// typeOf is the type in words. composite is a better word for the kind struct or
// list of which the field is.
func typeOf(parts []part, composite string) string {
	var kinds cue.Kind
	for _, p := range parts {
		if k := p.value.IncompleteKind(); k != cue.TopKind {
			kinds |= k
		}
	}
	var words []string
	for _, k := range kindWords {
		if kinds&k.kind != k.kind {
			continue
		}
		kinds &^= k.kind
		word := k.words
		if k.kind == cue.ListKind && strings.HasPrefix(composite, "list") ||
			k.kind == cue.StructKind && strings.HasPrefix(composite, "map") {
			word = composite
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "any value"
	}
	return strings.Join(slices.Compact(words), " or ")
}

// plural is a type's words for many of it.
func plural(words string) string {
	alternatives := strings.Split(words, " or ")
	for i, w := range alternatives {
		first, rest, _ := strings.Cut(w, " ")
		switch {
		case w == "any value":
			alternatives[i] = "any values"
		case w == "bytes" || w == "null":
		case rest != "":
			alternatives[i] = first + "s " + rest
		default:
			alternatives[i] = w + "s"
		}
	}
	return strings.Join(alternatives, " or ")
}
