package spec

import (
	"encoding/json"
	"fmt"
	"strings"

	"cuelang.org/go/cue/cuecontext"
)

// FieldDoc documents one field of the spec as the schema has it.
type FieldDoc struct {
	// Path is the field, such as hosts.<NAME>.roles; empty for the whole spec.
	Path string `json:"field"`
	// Type is in plain words, such as "string" or "map of structs".
	Type string `json:"type"`
	// Required holds within the struct around the field: what is required of an
	// optional struct is needed only where that is given.
	Required bool `json:"required"`
	// Default is what the field is when it is not given; nil where that is nothing.
	Default json.RawMessage `json:"default,omitempty"`
	// Computed is in CUE's notation a default that other fields decide about.
	Computed string `json:"computedDefault,omitempty"`
	// Allowed says in words what the field may hold.
	Allowed string `json:"allowed,omitempty"`
	// Doc is the schema's comment, one line a paragraph.
	Doc string `json:"doc"`
	// Conditional says that the field is there only where one of Conditions holds.
	Conditional bool `json:"conditional,omitempty"`
	// Conditions are what is different where other fields have certain values.
	Conditions []Condition `json:"conditions,omitempty"`
	// Fields are those of a struct. A map has one field <NAME>, which stands for any
	// key, and a list of structs has one field <INDEX>.
	Fields []*FieldDoc `json:"fields,omitempty"`

	name string
	// inherited says that Doc is that of the struct around the field.
	inherited bool
}

// Condition is what holds for a field where other fields have certain values.
type Condition struct {
	// When is in plain words, such as "registry.mode is harbor".
	When     string          `json:"when"`
	Required bool            `json:"required,omitempty"`
	Default  json.RawMessage `json:"default,omitempty"`
	Computed string          `json:"computedDefault,omitempty"`
	Allowed  string          `json:"allowed,omitempty"`
	// Forbidden says that the field must not be given there.
	Forbidden bool `json:"forbidden,omitempty"`
}

// The fields that stand for any key of a map and any place in a list.
const (
	anyName  = "<NAME>"
	anyIndex = "<INDEX>"
)

// Explain documents the field at a path such as hosts.master1.roles. The key of a
// map and the place in a list may be anything or left out. The empty path is the
// whole spec. An error is *UnknownField where there is no such field.
func Explain(path string) (*FieldDoc, error) {
	whole, err := documentation()
	if err != nil {
		return nil, err
	}
	return whole.find(path)
}

// Shallow is the field with the fields below it, but without those that are deeper.
func (f *FieldDoc) Shallow() *FieldDoc {
	whole := *f
	if element := f.Element(); element != nil {
		whole.Fields = []*FieldDoc{element.Shallow()}
		return &whole
	}
	whole.Fields = nil
	for _, child := range f.Fields {
		flat := *child
		flat.Fields = nil
		whole.Fields = append(whole.Fields, &flat)
	}
	return &whole
}

// documentation is the whole schema.
func documentation() (*FieldDoc, error) {
	files, err := parseSchema()
	if err != nil {
		return nil, err
	}
	whole, err := document(cuecontext.New(), files, "#Cluster")
	if err != nil {
		return nil, fmt.Errorf("evaluating the embedded schema: %w", err)
	}
	return whole, nil
}

// Name is the last part of the path, without quotes.
func (f *FieldDoc) Name() string { return f.name }

// Summary is the first sentence of the field's own comment; where it has none, what
// is allowed, which says more than the sentence about the struct around it.
func (f *FieldDoc) Summary() string {
	if f.inherited && f.Allowed != "" {
		return f.Allowed
	}
	return firstSentence(f.Doc)
}

// Element is the struct in a map or list, or nil.
func (f *FieldDoc) Element() *FieldDoc {
	if len(f.Fields) == 1 && f.Fields[0].StandsForAny() {
		return f.Fields[0]
	}
	return nil
}

// StandsForAny tells the field for any key of a map or place in a list; no field's
// own name has these brackets.
func (f *FieldDoc) StandsForAny() bool {
	return f.name == anyName || f.name == anyIndex
}

// DefaultText is the default for people: a string without its quotes.
func (f *FieldDoc) DefaultText() string { return defaultText(f.Default, f.Computed) }

// DefaultText is the default for people: a string without its quotes.
func (c Condition) DefaultText() string { return defaultText(c.Default, c.Computed) }

func defaultText(value json.RawMessage, computed string) string {
	var text string
	if json.Unmarshal(value, &text) == nil && text != "" && text == strings.TrimSpace(text) {
		return text
	}
	if value != nil {
		return string(value)
	}
	return computed
}

// firstSentence ends at a full stop with a space after it, which those in "1.34.4"
// do not have and those in "e.g. this" do not mean.
func firstSentence(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	for i := range text {
		if strings.HasPrefix(text[i:], ". ") && !strings.HasSuffix(text[:i], "e.g") && !strings.HasSuffix(text[:i], "i.e") {
			return text[:i+1]
		}
	}
	return text
}
