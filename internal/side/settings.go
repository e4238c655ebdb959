package side

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
)

// settings are the fields of a resolved spec by path. Lists of plain values are one
// setting; files beside the spec that derived images take are there by their checksum.
func settings(s *spec.Spec) (map[string]string, error) {
	if len(s.Seats) > 0 {
		return seatSettings(s)
	}
	text, err := json.Marshal(s.Cluster)
	if err != nil {
		return nil, fmt.Errorf("encoding the spec: %w", err)
	}
	var value any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return nil, fmt.Errorf("reading the spec again: %w", err)
	}
	all := map[string]string{}
	flatten(all, "", value)
	for name, files := range s.ImageFiles {
		for _, f := range files {
			key := join(join(join("derivedImages", name), "files"), f.Path)
			if _, inline := all[key+".text"]; !inline {
				all[key+".sha256"] = encode(fmt.Sprintf("%x", sha256.Sum256(f.Data)))
			}
		}
	}
	return all, nil
}

// seatSettings are those of all seats; what all have in the same way is there once.
func seatSettings(kit *spec.Spec) (map[string]string, error) {
	all := map[string]string{"kit.seats": encode(len(kit.Seats))}
	type setting struct{ path, value string }
	count := map[setting]int{}
	var each []map[string]string
	for _, s := range kit.Seats {
		own, err := settings(s)
		if err != nil {
			return nil, err
		}
		for path, value := range own {
			count[setting{path, value}]++
		}
		each = append(each, own)
	}
	for i, own := range each {
		for path, value := range own {
			if count[setting{path, value}] == len(each) {
				all[path] = value
			} else {
				all["seat "+kit.Seats[i].Seat.NN+"."+path] = value
			}
		}
	}
	return all, nil
}

// flatten notes every value that has no fields of its own.
func flatten(all map[string]string, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			flatten(all, join(path, key), field)
		}
	case []any:
		if plain(v) {
			all[path] = encode(v)
			return
		}
		for i, element := range v {
			flatten(all, fmt.Sprintf("%s[%d]", path, i), element)
		}
	default:
		all[path] = encode(v)
	}
}

func plain(list []any) bool {
	for _, v := range list {
		switch v.(type) {
		case map[string]any, []any:
			return false
		}
	}
	return true
}

// join puts a field's name behind a path, in quotes where it would be read as several.
func join(path, name string) string {
	if name == "" || strings.ContainsAny(name, ".\"[] /\\") {
		name = encode(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // what came out of JSON goes back into it
	}
	return strings.TrimSuffix(b.String(), "\n")
}
