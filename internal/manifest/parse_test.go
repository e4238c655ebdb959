package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pod is a Pod whose spec is given, indented by two.
func pod(spec string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n" + spec
}

// problemCases are files with problems: each names its place, what is wrong and
// what to do.
var problemCases = []struct {
	name, text string
	want       []string
}{
	{"empty", "", []string{"1:1: there is no object in it, which kubectl refuses; take the file out or put a manifest in"}},
	{"comments only", "# nothing\n---\n# here\n---\nnull\n", []string{"1:1: there is no object in it, which kubectl refuses; take the file out or put a manifest in"}},
	{"list without items", "apiVersion: v1\nkind: List\nitems: []\n", []string{"1:1: there is no object in it, which kubectl refuses; take the file out or put a manifest in"}},
	{"UTF-16", "\xff\xfea\x00", []string{"1:1: it is in UTF-16; save it in UTF-8"}},
	{"Latin-1", pod("  # caf\xe9\n"), []string{"6:8: the byte 0xe9 here is not UTF-8; save the file in UTF-8"}},

	{"not a mapping", "- a\n- b\n", []string{"1:1: a manifest is a mapping with apiVersion, kind and metadata, and this is a list"}},
	{"a second document that is text", pod("  {}\n") + "---\nhello\n", []string{"8:1: a manifest is a mapping with apiVersion, kind and metadata, and this is text"}},
	{"no kind", "apiVersion: v1\nmetadata: {name: a}\n", []string{"1:1: there is no kind; every object needs apiVersion, kind and metadata.name"}},
	{"nothing that counts", "---\na: 1\n", []string{"2:1: there is no apiVersion and no kind and no metadata.name; every object needs apiVersion, kind and metadata.name"}},
	{"no name", "apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: b}}\n", []string{"1:1: there is no metadata.name; every object needs apiVersion, kind and metadata.name"}},
	{"empty name", "apiVersion: v1\nkind: Pod\nmetadata: {name: \"\"}\n", []string{"1:1: there is no metadata.name; every object needs apiVersion, kind and metadata.name"}},
	{"metadata is text", "apiVersion: v1\nkind: Pod\nmetadata: a\n", []string{"3:11: metadata is text; it must be a mapping with a name"}},
	{"name is a number", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 0123\n", []string{"4:9: metadata.name is a number; put it in quotes"}},
	{"namespace is a truth value", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: true}\n", []string{"3:32: metadata.namespace is true or false; put it in quotes"}},
	{"name that kubectl reads as true", "apiVersion: v1\nkind: Pod\nmetadata: {name: on}\n", []string{"3:18: metadata.name is true or false; put it in quotes"}},
	{"name of another type", "apiVersion: v1\nkind: Pod\nmetadata: {name: !!binary aGk=}\n", []string{"3:18: metadata.name is of the type !!binary; put it in quotes"}},
	{"kind is a list", "apiVersion: v1\nkind: [Pod]\nmetadata: {name: a}\n", []string{"2:7: kind is a list; it must be text"}},
	{"apiVersion with two slashes", "apiVersion: apps/v1/v2\nkind: Pod\nmetadata: {name: a}\n", []string{`1:13: apiVersion is "apps/v1/v2"; it must be VERSION or GROUP/VERSION, such as v1 or apps/v1`}},
	{"kustomization", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n", []string{"1:1: there is no metadata.name; this is what kustomize reads and no object; give what kubectl kustomize prints"}},
	{"kubeadm's configuration", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n", []string{"1:1: there is no metadata.name; this configures a program and is no object that a cluster takes; leave it out"}},
	{"chart", "apiVersion: v2\nname: a\nversion: 1.0.0\n", []string{"1:1: there is no kind and no metadata.name; every object needs apiVersion, kind and metadata.name (of a Helm chart, give what helm template prints)"}},
	{"an item without a name", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n", []string{"4:3: there is no metadata.name; every object needs apiVersion, kind and metadata.name"}},

	{"duplicate key", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {}\n  name: b\n", []string{`6:3: the key "name" is in this mapping twice, first at 4:3; keep one`}},
	{"duplicate key in flow style", "{apiVersion: v1, kind: Pod, metadata: {name: a}, kind: Pod}", []string{`1:50: the key "kind" is in this mapping twice, first at 1:18; keep one`}},
	{"key that is a list", pod("  ? [a]\n  : b\n"), []string{"6:5: a key must be a string, and this one is a list"}},
	{"merge of text", pod("  <<: hello\n"), []string{"6:7: << takes a mapping or a list of mappings, and this is text"}},

	{"bad indentation", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n labels: {}\n", []string{"5:2: this is not YAML: did not find expected key; look at the indentation and the quotes here"}},
	{"tab", "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n", []string{"4:2: a tab cannot indent YAML; use spaces"}},
	{"quote left open", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"a\n  labels: {}\nspec: {}\n", []string{"4:3: this is not YAML: found unexpected end of stream; look at the indentation and the quotes here"}},
	{"control character", "apiVersion: v1\nkind: \x01\n", []string{"2:1: this is not YAML: control characters are not allowed; look at the indentation and the quotes here"}},
	{"anchor that is missing", pod("  nodeName: *host\n"), []string{"6:3: this is not YAML: unknown anchor 'host' referenced; look at the indentation and the quotes here"}},
	{"the object before a fault is read", pod("  containers:\n  - image: 'a b'\n") + "---\na: [\n", []string{
		`7:12: image "a b" is not an image reference: it has a space in it; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`,
		"9:1: this is not YAML: did not find expected node content; look at the indentation and the quotes here"}},
	{"anchor in another document", pod("  x: &x {}\n") + "---\n" + pod("  y: *x\n"), []string{"13:6: the anchor &x of this alias is in another document, and kubectl reads each by itself; write the value out here"}},
	{"alias in its own anchor", pod("  x: &x [*x]\n"), []string{"6:10: this alias stands within its own anchor &x; write the value out here"}},

	{"template as a value", pod("  replicas: {{ .Values.replicas }}\n"), []string{"6:13: this is an unresolved template; render the template first, for instance with helm template"}},
	{"template as a line", "apiVersion: v1\nkind: Pod\n{{- if .Values.a }}\nmetadata: {name: a}\n{{- end }}\n", []string{"3:1: this is an unresolved template; render the template first, for instance with helm template"}},
	{"template between other text", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-a\n", []string{"4:9: this is an unresolved template; render the template first, for instance with helm template"}},
	{"template in quotes as name", "apiVersion: v1\nkind: Pod\nmetadata: {name: '{{ .Release.Name }}'}\n", []string{"3:18: metadata.name is an unresolved template, {{ .Release.Name }}; render the template first, for instance with helm template"}},
	{"Jinja", "apiVersion: v1\n{% if a %}\nkind: Pod\n", []string{"2:1: this is an unresolved template; render the template first, for instance with helm template"}},
	{"template as image", pod("  containers:\n  - image: \"{{ .Values.image }}\"\n"), []string{"7:12: image is an unresolved template, {{ .Values.image }}; render the template first, for instance with helm template"}},
	{"template as image without quotes", pod("  containers:\n  - image: {{ .Values.image }}\n"), []string{"7:12: this is an unresolved template; render the template first, for instance with helm template"}},
	{"variable in an image", pod("  containers:\n  - image: nginx:${TAG}\n"), []string{"7:12: image is an unresolved template, nginx:${TAG}; render the template first, for instance with helm template"}},

	{"image with capitals", pod("  containers:\n  - image: quay.io/Foo/bar:v1\n"), []string{`7:12: image "quay.io/Foo/bar:v1" is not an image reference: its path has capital letters; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"image with a scheme", pod("  containers:\n  - image: https://quay.io/foo/bar\n"), []string{`7:12: image "https://quay.io/foo/bar" is not an image reference: it must not begin with a scheme such as https://; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"image without the tag", pod("  initContainers:\n  - image: 'nginx:'\n"), []string{`7:12: image "nginx:" is not an image reference: the tag after the colon is missing; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"image that only a library takes", pod("  containers:\n  - image: quay.io/a//b:-1\n"), []string{`7:12: image "quay.io/a//b:-1" is not an image reference; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"image with a short digest", pod("  containers:\n  - image: nginx@sha256:abc\n"), []string{`7:12: image "nginx@sha256:abc" is not an image reference; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"image is a number", pod("  containers:\n  - image: 1.25\n"), []string{"7:12: image is a number; put it in quotes"}},
	{"image is empty", pod("  containers:\n  - image:\n"), []string{"7:11: there is no image's name here; write one as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9"}},
	{"image is a mapping", pod("  containers:\n  - image: {name: nginx}\n"), []string{"7:12: image is a mapping; write the image's name"}},
	{"image over several lines", pod("  containers:\n  - image: >-\n      nginx\n"), []string{"7:12: image is written over several lines, with | or >; write it on the line of its key"}},
	{"volume's image", pod("  volumes:\n  - image: {reference: 'a b'}\n"), []string{`7:24: image "a b" is not an image reference: it has a space in it; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"a custom resource's container", "apiVersion: example.com/v1\nkind: A\nmetadata: {name: a}\nspec: {containers: [{image: A}]}\n", []string{`4:29: image "A" is not an image reference: its path has capital letters; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"an alias is judged where it stands", pod("  x: &x 'a b'\n  containers:\n  - image: *x\n"), []string{`8:12: image "a b" is not an image reference: it has a space in it; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},
	{"a fault in a mapping of two places is told once", pod("  containers:\n  - &x {image: 'a b'}\n  - *x\n  - {<<: *x}\n"), []string{`7:16: image "a b" is not an image reference: it has a space in it; write it as HOST/PATH:TAG, such as registry.k8s.io/pause:3.9`}},

	{"columns are characters", "apiVersion: v1\nkind: Pod\nmetadata: {labels: {é: \"日本\"}, name: 1}\n", []string{"3:37: metadata.name is a number; put it in quotes"}},
	{"lines are an editor's", "apiVersion: v1\nkind: Pod\nmetadata: {annotations: {a: \"\u2028\u0085\"},\n  name: 1}\n", []string{"4:9: metadata.name is a number; put it in quotes"}},
	{"a byte order mark is no column", "\ufeffapiVersion: 1\nkind: Pod\nmetadata: {name: a}\n", []string{"1:13: apiVersion is a number; put it in quotes"}},
}

func TestEachProblemIsNamedWithItsPlace(t *testing.T) {
	for _, c := range problemCases {
		t.Run(c.name, func(t *testing.T) {
			_, problems := Parse("a.yaml", []byte(c.text))
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			for i := range c.want {
				c.want[i] = "a.yaml:" + strings.TrimPrefix(c.want[i], "a.yaml:")
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	bomb := "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 20 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	merges := "m0: &m0 {k0: 1}\n"
	for i := range 5000 {
		merges += fmt.Sprintf("m%d: &m%d {<<: *m%d, k%d: 1}\n", i+1, i+1, i, i+1)
	}
	tests := []struct{ name, text, want string }{
		{"size", strings.Repeat("#\n", maxSize/2+1), "1:1: it has 16777218 bytes, and at most 16777216 are read; split it"},
		{"depth in flow style", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "1:502: it is nested deeper than 500 levels; no manifest needs that"},
		{"depth in block style", strings.Repeat("- ", 5000) + "a\n", "1:1003: it is nested deeper than 500 levels; no manifest needs that"},
		{"depth that the library refuses", strings.Repeat("[", 20000), "1:1: this is not YAML: exceeded max depth of 10000; look at the indentation and the quotes here"},
		{"aliases", bomb, "1:1: with its aliases written out it has more than 2000000 nodes, which is more than is read; write it without aliases, or split it"},
		{"merges", merges, "1:1: with its aliases written out it has more than 2000000 nodes, which is more than is read; write it without aliases, or split it"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			file, problems := Parse("a.yaml", []byte(c.text))
			if len(problems) != 1 || problems[0].String() != "a.yaml:"+c.want {
				t.Errorf("got %v, want %s", problems, c.want)
			}
			if string(file.Rewrite(strings.ToUpper)) != c.text {
				t.Error("Rewrite changed a file without images")
			}
		})
	}
}

func TestProblemsEndSomewhere(t *testing.T) {
	_, problems := Parse("a.yaml", []byte(strings.Repeat("a: b\n", 1000)))
	if len(problems) != 101 || problems[100].String() != "a.yaml:101:1: and from here on 900 more problems" {
		t.Errorf("%d problems, the last of them %v", len(problems), problems[len(problems)-1])
	}
}

func TestObjectsAreListed(t *testing.T) {
	const text = `# two documents, one empty, a List and a list of one kind
apiVersion: v1
kind: Namespace
metadata: {name: site}
---
---
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "site"}}
---
kind: List
apiVersion: v1
items:
- &role
  apiVersion: rbac.authorization.k8s.io/v1
  kind: Role
  metadata: &m {name: reader, namespace: site}
- <<: *role
  kind: RoleBinding
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Pod, metadata: {generateName: run-}}
---
kind: RoleList
apiVersion: rbac.authorization.k8s.io/v1
items:
- metadata: {name: 2026-01-01}
---
# a custom resource whose kind ends in List is no list
apiVersion: example.com/v1
kind: AllowList
metadata: {name: all}
items: [a, b]
...
`
	want := []Document{
		{Line: 2, APIVersion: "v1", Kind: "Namespace", Name: "site"},
		{Line: 7, APIVersion: "apps/v1", Kind: "Deployment", Namespace: "site", Name: "web"},
		{Line: 12, APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role", Namespace: "site", Name: "reader"},
		{Line: 16, APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding", Namespace: "site", Name: "reader"},
		{Line: 21, APIVersion: "v1", Kind: "Pod", GenerateName: "run-"},
		{Line: 26, APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role", Name: "2026-01-01"},
		{Line: 29, APIVersion: "example.com/v1", Kind: "AllowList", Name: "all"},
	}
	file, problems := Parse("a.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	same := func(a, b Document) bool { return sameObject(a, b) && a.Line == b.Line }
	if !slices.EqualFunc(file.Documents, want, same) {
		t.Errorf("got  %+v\nwant %+v", file.Documents, want)
	}
}
