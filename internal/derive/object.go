package derive

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// object is a JSON object whose values nobody has looked at. What is not replaced
// keeps its spelling, fields that no type of ours knows included.
type object map[string]json.RawMessage

func parseObject(data []byte) (object, error) {
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	if o == nil {
		o = object{}
	}
	return o, nil
}

// get reads a field; one that is absent or null leaves into as it is.
func (o object) get(key string, into any) error {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("field %q: %w", key, err)
	}
	return nil
}

// object reads a field that is an object.
func (o object) object(key string) (object, error) {
	inner := object{}
	return inner, o.get(key, &inner)
}

func (o object) set(key string, value any) { o[key] = encode(value) }

// encode writes JSON in one way: keys of maps sorted, no spaces.
func encode(value any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a history is full of && and >
	if err := enc.Encode(value); err != nil {
		panic(err) // strings, and what was JSON before, can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
