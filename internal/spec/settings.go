package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cuelang.org/go/cue"
)

// setting is a row of the schema's table of a component's fields.
type setting struct {
	Type string `json:"type"`
	From int    `json:"from"`
	To   int    `json:"to"`
}

// component is a program of Kubernetes whose settings a spec may hold.
type component struct {
	// field is its name below kubernetes, and kind that of its configuration.
	field, kind string
	given       map[string]any
	// taken are the fields that have a place of their own: a field of the spec, or
	// words that say who sets them.
	taken map[string]string
}

// checkSettings holds the settings of kubelet and kube-proxy against what the release
// knows: the programs pass over an unknown field in silence.
func checkSettings(ctx *cue.Context, s *Spec, user cue.Value) error {
	in := s.Cluster.Kubernetes
	if len(in.Kubelet.Settings) == 0 && len(in.KubeProxy.Settings) == 0 {
		return nil
	}
	schema, err := compile(ctx, settingsFile)
	if err != nil {
		return err
	}
	var table map[string]map[string]setting
	if err := lookup(schema, "settings").Decode(&table); err != nil {
		return fmt.Errorf("reading the catalogue's settings: %w", err)
	}
	release := strings.SplitN(in.Version, ".", 3)
	minor, err := strconv.Atoi(release[1])
	if err != nil {
		return fmt.Errorf("reading the release %q: %w", in.Version, err)
	}
	c := settingsCheck{minor: minor, user: user}
	for _, of := range []component{
		{"kubelet", "KubeletConfiguration", in.Kubelet.Settings, map[string]string{
			"evictionHard": "kubernetes.kubelet.evictionHard", "failCgroupV1": "kubernetes.kubelet.failCgroupV1",
			"maxPods": "kubernetes.kubelet.maxPods", "resolvConf": "kubernetes.kubelet.resolvConf",
			"featureGates": "kubernetes.featureGates", "clusterDomain": "kubernetes.dnsDomain",
			"cgroupDriver": "systemd, as for the runtime", "clusterDNS": "set by kubeadm, from network.services",
			"staticPodPath": "set by kubeadm", "containerRuntimeEndpoint": "set by kubeadm, from runtime",
		}},
		{"kubeProxy", "KubeProxyConfiguration", in.KubeProxy.Settings, map[string]string{
			"mode": "kubernetes.kubeProxy.mode", "ipvs.scheduler": "kubernetes.kubeProxy.ipvs.scheduler",
			"ipvs.strictARP": "kubernetes.kubeProxy.ipvs.strictARP", "featureGates": "kubernetes.featureGates",
			"conntrack.maxPerCore": "kubernetes.kubeProxy.conntrackMaxPerCore", "clusterCIDR": "set by kubeadm, from network.pods",
			"clientConnection.kubeconfig": "set by kubeadm",
		}},
	} {
		c.component, c.table = of, table[of.field]
		c.walk(nil, of.given)
	}
	if len(c.problems) > 0 {
		c.problems.sort()
		return c.problems
	}
	return nil
}

type settingsCheck struct {
	component
	table    map[string]setting
	minor    int
	user     cue.Value
	problems Problems
}

// walk checks the fields of a struct of the configuration, at a path below settings.
func (c *settingsCheck) walk(path []string, given map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := append(slices.Clone(path), name)
		key, value := strings.Join(at, "."), given[name]
		row, known := c.table[key]
		switch {
		case c.taken[key] != "":
			c.wrong(at, value, c.elsewhere(key))
		case !known || c.minor < row.From || row.To > 0 && c.minor > row.To:
			c.wrong(at, name, c.instead(path, key, row, known))
		case row.Type == "struct":
			if fields, ok := value.(map[string]any); ok {
				c.walk(at, fields)
			} else {
				c.wrong(at, value, "fields in braces")
			}
		default:
			if allowed := fits(row.Type, value); allowed != "" {
				c.wrong(at, value, allowed)
			}
		}
	}
}

func (c *settingsCheck) elsewhere(key string) string {
	if strings.HasPrefix(c.taken[key], "kubernetes.") {
		return "nothing here: the spec has " + c.taken[key] + " for it"
	}
	return "nothing here: it is " + c.taken[key]
}

// instead says what could stand in place of a field that the release does not know.
func (c *settingsCheck) instead(path []string, key string, row setting, known bool) string {
	of := fmt.Sprintf("fields of %s that 1.%d knows", c.kind, c.minor)
	switch {
	case known && c.minor < row.From:
		return fmt.Sprintf("%s; this one is known from 1.%d on", of, row.From)
	case known:
		return fmt.Sprintf("%s; this one is known up to 1.%d", of, row.To)
	}
	best, far := "", 3
	for _, other := range slices.Sorted(maps.Keys(c.table)) {
		if d := distance(strings.ToLower(other), strings.ToLower(key)); d < far {
			best, far = other, d
		}
	}
	if best != "" {
		return of + "; did you mean " + best + "?"
	}
	if len(path) > 0 {
		return of + " below " + strings.Join(path, ".")
	}
	return of
}

// fits says what a type takes if a value is not that.
func fits(kind string, value any) string {
	ok, allowed := true, ""
	switch kind {
	case "bool":
		_, ok = value.(bool)
		allowed = "true or false"
	case "integer":
		n, isNumber := number(value)
		ok, allowed = isNumber && n == float64(int64(n)), "a whole number"
	case "number":
		_, ok = number(value)
		allowed = "a number"
	case "string":
		_, ok = value.(string)
		allowed = "a text"
	case "duration":
		text, isText := value.(string)
		_, err := time.ParseDuration(text)
		ok, allowed = isText && err == nil, "a duration such as 1m30s"
	case "list":
		_, ok = value.([]any)
		allowed = "a list"
	case "map":
		_, ok = value.(map[string]any)
		allowed = "values by name, in braces"
	}
	if ok {
		return ""
	}
	return allowed
}

// number reads any of the forms in which CUE gives numbers.
func number(value any) (float64, bool) {
	if _, isText := value.(string); isText {
		return 0, false
	}
	text, err := json.Marshal(value)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(text), 64)
	return n, err == nil
}

func (c *settingsCheck) wrong(path []string, given any, allowed string) {
	text, err := json.Marshal(given)
	if err != nil {
		text = []byte("what cannot be shown")
	}
	field := append([]string{"kubernetes", c.field, "settings"}, path...)
	c.problems = append(c.problems, Problem{Path: strings.Join(field, "."), Given: string(text), Allowed: allowed}.at(place(c.user, field)))
}
