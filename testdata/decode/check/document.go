package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// document is one part of a multi-document YAML file.
type document struct {
	number  int // counted from 1, empty documents too
	gvk     schema.GroupVersionKind
	content []byte
}

// wrap says where in the file an error is.
func (d document) wrap(err error) error {
	if d.gvk.Kind == "" {
		return fmt.Errorf("document %d: %w", d.number, err)
	}
	return fmt.Errorf("document %d (%s): %w", d.number, d.gvk.Kind, err)
}

// split parts a file at its "---" lines. Documents that hold nothing but
// comments are left out, as kubectl does.
func split(content []byte) ([]document, []error) {
	var docs []document
	var problems []error
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for n := 1; ; n++ {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return docs, append(problems, fmt.Errorf("document %d: %w", n, err))
		}
		d := document{number: n, content: part}
		if empty, err := d.identify(); err != nil {
			problems = append(problems, d.wrap(err))
		} else if !empty {
			docs = append(docs, d)
		}
	}
	if len(docs) == 0 && len(problems) == 0 {
		problems = append(problems, errors.New("no document in the file"))
	}
	return docs, problems
}

// identify fills in the document's kind and reports whether it is empty.
func (d *document) identify() (empty bool, err error) {
	var fields map[string]any
	if err := yaml.UnmarshalStrict(d.content, &fields); err != nil {
		return false, err
	}
	if len(fields) == 0 {
		return true, nil
	}
	gvk, err := json.DefaultMetaFactory.Interpret(asJSON(fields))
	if err != nil {
		return false, err
	}
	if gvk.Version == "" || gvk.Kind == "" {
		return false, errors.New("apiVersion and kind must both be given")
	}
	d.gvk = *gvk
	return false, nil
}

// asJSON keeps only what names the type; anything else may be malformed yet.
func asJSON(fields map[string]any) []byte {
	head := map[string]any{"apiVersion": fields["apiVersion"], "kind": fields["kind"]}
	out, err := yaml.Marshal(head)
	if err != nil {
		return nil
	}
	out, err = yaml.YAMLToJSON(out)
	if err != nil {
		return nil
	}
	return out
}

// decodeStrictly reads content into its type of the scheme; unknown and
// duplicate fields are errors.
func decodeStrictly(scheme *runtime.Scheme, content []byte) (runtime.Object, error) {
	options := json.SerializerOptions{Yaml: true, Strict: true}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, options)
	object, _, err := decoder.Decode(content, nil, nil)
	return object, err
}
