package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// setting is one field of a configuration.
type setting struct {
	// Component is kubelet or kubeProxy.
	Component string `json:"component"`
	// Path is the field's, such as authentication.anonymous.enabled.
	Path string `json:"path"`
	// Type is what it holds in the newest release that has it.
	Type string `json:"type"`
	// From and To are minor releases; 0 where the oldest and the newest have it.
	From int `json:"from,omitempty"`
	To   int `json:"to,omitempty"`
}

// component says where a configuration is in its module.
type component struct{ name, module, file, root string }

var components = []component{
	{"kubelet", "kubelet", "config/v1beta1/types.go", "KubeletConfiguration"},
	{"kubeProxy", "proxy", "config/v1alpha1/types.go", "KubeProxyConfiguration"},
}

// configures tells whether a module is of a component.
func (m module) configures() bool {
	return slices.ContainsFunc(components, func(c component) bool {
		return strings.HasPrefix(m.path, "kubernetes.test/"+c.module+"-")
	})
}

func settings(out *json.Encoder, modules []module) error {
	dirs := map[string]string{}
	for _, m := range modules {
		dirs[m.path] = m.dir
	}
	for _, c := range components {
		known, err := c.settings(dirs)
		if err != nil {
			return err
		}
		for _, path := range slices.Sorted(maps.Keys(known)) {
			if err := out.Encode(known[path]); err != nil {
				return err
			}
		}
	}
	return nil
}

// settings are a component's fields over all releases, by path.
func (c component) settings(dirs map[string]string) (map[string]setting, error) {
	known := map[string]setting{}
	for minor := oldest; minor <= newest; minor++ {
		dir, ok := dirs[fmt.Sprintf("kubernetes.test/%s-1-%d", c.module, minor)]
		if !ok {
			return nil, fmt.Errorf("go.mod has no %s of 1.%d", c.module, minor)
		}
		fields, err := readFields(filepath.Join(dir, c.file), c.root)
		if err != nil {
			return nil, err
		}
		for path, kind := range fields {
			s := setting{Component: c.name, Path: path, Type: kind, From: cmp.Or(known[path].From, minor), To: minor}
			known[path] = s
		}
	}
	for path, s := range known {
		if s.From == oldest {
			s.From = 0
		}
		if s.To == newest {
			s.To = 0
		}
		known[path] = s
	}
	return known, nil
}
