package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/parser"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

func wholeSpec(t testing.TB) *FieldDoc {
	t.Helper()
	whole, err := documentation()
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// Whoever adds a field documents it; error messages quote what is allowed. All gaps
// are listed at once.
func TestEveryFieldSaysWhatItIsForAndWhatItTakes(t *testing.T) {
	if found := gaps(wholeSpec(t)); len(found) > 0 {
		t.Errorf("schema/v1 leaves %d things unsaid:\n%s", len(found), strings.Join(found, "\n"))
	}
}

func gaps(whole *FieldDoc) []string {
	var found []string
	whole.Walk(func(f *FieldDoc) {
		holds := f.Type == "struct" || strings.HasPrefix(f.Type, "map of ")
		if f.Doc == "" {
			found = append(found, f.Path+": no comment")
		}
		if f.Allowed == "" && !holds {
			found = append(found, f.Path+": "+f.Type+" without @allowed")
		}
		if f.Allowed == "" && holds && f.Required {
			found = append(found, f.Path+": required, without @allowed")
		}
	})
	return found
}

func TestGapsAreFound(t *testing.T) {
	got := gaps(documentBody(t, `
		a?: string
		// b is b.
		b?: [...string]
		// c is c.
		c!: {d: *1 | int @allowed("x")}
		e?: {[string]: bool}
		if b != _|_ {f?: int}
	`))
	want := []string{"a: no comment", "a: string without @allowed", "b: list of strings without @allowed", "c: required, without @allowed",
		"e: no comment", "e.<NAME>: no comment", "e.<NAME>: boolean without @allowed", "f: no comment", "f: integer without @allowed"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The generated Go types are another reading of the same schema: neither knows a
// field that the other does not.
func TestDocumentationAndGoTypesHaveTheSameFields(t *testing.T) {
	var documented, typed []string
	wholeSpec(t).Walk(func(f *FieldDoc) {
		if !f.Conditional && !f.StandsForAny() {
			documented = append(documented, f.Path)
		}
	})
	var list func(path string, goType reflect.Type)
	list = func(path string, goType reflect.Type) {
		switch goType.Kind() {
		case reflect.Pointer:
			list(path, goType.Elem())
		case reflect.Map:
			list(join(path, anyName), goType.Elem())
		case reflect.Slice:
			list(join(path, anyIndex), goType.Elem())
		case reflect.Struct:
			for i := range goType.NumField() {
				name, _, _ := strings.Cut(goType.Field(i).Tag.Get("json"), ",")
				typed = append(typed, join(path, name))
				list(join(path, name), goType.Field(i).Type)
			}
		}
	}
	list("", reflect.TypeFor[v1.Cluster]())
	slices.Sort(documented)
	slices.Sort(typed)
	for _, path := range documented {
		if _, found := slices.BinarySearch(typed, path); !found {
			t.Errorf("%s is documented, and not in the Go types; run go generate ./schema/v1", path)
		}
	}
	for _, path := range typed {
		if _, found := slices.BinarySearch(documented, path); !found {
			t.Errorf("%s is in the Go types, and not documented", path)
		}
	}
}

// line is all that is known of a field.
func line(f *FieldDoc) string {
	parts := []string{f.Path, f.Type}
	if f.Required {
		parts = append(parts, "required")
	}
	if text := f.DefaultText(); text != "" {
		parts = append(parts, "default "+text)
	}
	if f.Allowed != "" {
		parts = append(parts, "allowed "+f.Allowed)
	}
	for _, c := range f.Conditions {
		text, _ := json.Marshal(c)
		parts = append(parts, strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text)))
	}
	if f.Conditional {
		parts = append(parts, "only there")
	}
	if f.Doc != "" {
		parts = append(parts, f.Doc)
	}
	return strings.Join(parts, " | ")
}

// Each case is the body of a definition and what becomes of its fields.
func TestWhatTheSchemaMayBeWrittenWith(t *testing.T) {
	tests := []struct {
		name, body string
		want       []string
	}{
		{"required, optional, regular, with and without a default", `
			// a is this.
			a!: string @allowed("text")
			b?: int
			c:  *5000 | int
			d:  bool
			e:  "one"
			f:  *"" | string
			g?: *1 | int`,
			[]string{`a | string | required | allowed text | a is this.`, `b | integer`, `c | integer | default 5000`,
				`d | boolean | required`, `e | string | default one`, `f | string | default ""`, `g | integer`}},
		{"kinds", `
			a?: number
			b?: string | int
			c?: _
			d?: null | #Inner
			e?: bytes
			f?: #Port`,
			[]string{`a | number`, `b | string or integer`, `c | any value`, `d | struct or null`, `d.x | integer | required | allowed 1 or more`,
				`e | bytes`, `f | integer | allowed 1 to 9 | Port is one.`}},
		{"lists", `
			a?: [...string]
			b:  [...int]
			c?: [...#Inner]
			d?: [...string | int]
			e:  *["x", "y"] | [...string]
			f?: [string, int]
			g?: [...[...bool]]
			h?: [...{...}]
			i?: string | [...string]`,
			[]string{`a | list of strings`, `b | list of integers | default []`, `c | list of structs`, `c.<INDEX> | struct | Inner is inside.`,
				`c.<INDEX>.x | integer | required | allowed 1 or more`, `d | list of strings or integers`, `e | list of strings | default ["x","y"]`,
				`f | list of strings or integers`, `g | list of lists of booleans`, `h | list of structs`, `i | string or list of strings`}},
		{"maps", `
			// a are many.
			a?: {[string]: #Inner}
			b?: [string]: string @allowed("b")
			// c are some.
			c?: {[=~"^x"]: int @allowed("c")}
			d?: {[_name]: bool}
			e?: {[N=string]: {name: N, y?: int}}
			f?: #Flags
			g?: {...}`,
			[]string{`a | map of structs | a are many.`, `a.<NAME> | struct | Inner is inside.`, `a.<NAME>.x | integer | required | allowed 1 or more`,
				`b | map of strings`, `b.<NAME> | string | allowed b`, `c | map of integers | c are some.`, `c.<NAME> | integer | allowed c | c are some.`,
				`d | map of booleans`, `d.<NAME> | boolean`, `e | map of structs`, `e.<NAME> | struct`, `e.<NAME>.name | string | required`, `e.<NAME>.y | integer`,
				`f | map of strings | allowed flags | Flags are options.`, `f.<NAME> | string | allowed a flag | Flags are options.`, `g | struct`}},
		{"structs in place have the comment around them", `
			// range is from here to there.
			range: {
				first: *1 | int
				// last is the end.
				last: *2 | int
			}
			optional?: b: c: *1 | int
			inner: #Inner
			two: {x!: int} & {y?: int}`,
			[]string{`range | struct | range is from here to there.`, `range.first | integer | default 1 | range is from here to there.`,
				`range.last | integer | default 2 | last is the end.`, `optional | struct`, `optional.b | struct`, `optional.b.c | integer | default 1`,
				`inner | struct | required | Inner is inside.`, `inner.x | integer | required | allowed 1 or more`,
				`two | struct | required`, `two.x | integer | required`, `two.y | integer`}},
		{"one comment for several fields", `
			// a, b and c-d are the same.
			a?: int
			b?: int
			"c-d"?: int
			e?: int

			// f is alone.
			f?: int

			b2?: int`,
			[]string{`a | integer | a, b and c-d are the same.`, `b | integer | a, b and c-d are the same.`, `c-d | integer | a, b and c-d are the same.`,
				`e | integer`, `f | integer | f is alone.`, `b2 | integer`}},
		{"embedded definitions", `
			#Base
			a?: int
			// own is said here too.
			own?: _`,
			[]string{`a | integer`, `own | string | allowed own | own is said here too. / own is of the base.`, `more | integer | {"when":"own is x"} | only there`}},
		{"conditions", `
			mode: *"none" | "full" | "half"
			extra?: {x!: int, y?: int @allowed("y")}
			items: [...string]
			if mode == "full" {
				extra!: _
				// limit is how far it goes.
				limit: *7 | int @allowed("1 to 9")
			}
			if mode != "full" && list.Contains(items, "a") {extra?: _|_}
			if extra != _|_ {
				if extra.x > 3 {port?: int}
				port?: string
			}
			if mode == "half" let n = 5 {size: *"s\(n)" | string}
			if !flag if (extra == _|_ || flag) {size: *"big" | string}
			flag: *false | bool
			if flag {extra?: y!: int}`,
			[]string{`mode | string | default none`,
				`extra | struct | {"when":"mode is full","required":true} | {"when":"mode is not full and items has a","forbidden":true}`,
				`extra.x | integer | required`, `extra.y | integer | allowed y | {"when":"flag is true","required":true}`,
				`items | list of strings | default []`,
				`limit | integer | allowed 1 to 9 | {"when":"mode is full","default":7} | only there | limit is how far it goes.`,
				`port | string or integer | {"when":"extra is given and extra.x > 3"} | {"when":"extra is given"} | only there`,
				`size | string | {"when":"mode is half","default":"s5"} | {"when":"flag is false and (extra is not given or flag is true)","default":"big"} | only there`,
				`flag | boolean | default false`}},
		{"conditions name fields by their whole path", `
			a?: {[string]: b?: {
				mode?: string
				if mode == "x" {c!: int}
			}}`,
			[]string{`a | map of structs`, `a.<NAME> | struct`, `a.<NAME>.b | struct`, `a.<NAME>.b.mode | string`,
				`a.<NAME>.b.c | integer | {"when":"a.<NAME>.b.mode is x","required":true} | only there`}},
		{"forms", `
			a?: #A | #B
			b?: {#A | #B, z?: int}
			c?: #Form
			d?: *null | #A`,
			[]string{`a | struct`, `a.kind | string | required | allowed a or b`, `a.x | integer | {"when":"a.kind is a","required":true} | only there`,
				`a.s | string`, `a.y | integer | {"when":"a.kind is b","required":true} | only there`,
				`b | struct`, `b.z | integer`, `b.kind | string | required | allowed a or b`, `b.x | integer | {"when":"b.kind is a","required":true} | only there`,
				`b.s | string`, `b.y | integer | {"when":"b.kind is b","required":true} | only there`,
				`c | struct | Form is one of two.`, `c.p | integer | {"when":"c has form 1 of 2"} | only there`, `c.q | integer | {"when":"c has form 2 of 2"} | only there`,
				`d | struct or null`, `d.kind | string | default a`, `d.x | integer | required`, `d.s | string`}},
		{"what holds itself ends", `a?: #Tree`,
			[]string{`a | struct | Tree holds trees.`, `a.child | struct | Tree holds trees.`, `a.more | list of structs`, `a.named | map of structs`, `a.named.<NAME> | struct | Tree holds trees.`}},
		{"computed", `
			a: *"x:\(b)" | string
			b: *"1" | string
			c: *b | string
			d!: string
			e: *"y:\(d)" | string
			_hidden: 5
			let x = 7
			for k in ["p", "q"] {"f\(k)"?: int & <x}
			"a.b"?: int`,
			[]string{`fp | integer`, `fq | integer`, `a | string | default x:1`, `b | string | default 1`, `c | string | default 1`,
				`d | string | required`, `e | string | default "y:\(d)"`, `"a.b" | integer`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			documentBody(t, tt.body).Walk(func(f *FieldDoc) { got = append(got, strings.ReplaceAll(line(f), "\n", " / ")) })
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// documentBody documents a definition with these fields.
func documentBody(t testing.TB, body string) *FieldDoc {
	t.Helper()
	imports := ""
	if strings.Contains(body, "list.") {
		imports = "import \"list\"\n"
	}
	text := "package x\n\n" + imports + "\n#Whole: {\n" + body + "\n}\n" + `
_name: =~"^a"
// #Port is one.
#Port: int & >=1 & <=9 @allowed("1 to 9")
// #Inner is inside.
#Inner: {x!: int @allowed("1 or more")}
// #Flags are options.
#Flags: {[string]: string @allowed("a flag")} @allowed("flags")
#Base: {
	// own is of the base.
	own?: string @allowed("own")
	if own == "x" {more?: int}
}
// #A is the first.
#A: {kind: "a", x!: int, s?: string}
#B: {kind: "b", y!: int, s?: string}
// #Form is one of two.
#Form: {p?: int} | {q?: int}
// #Tree holds trees.
#Tree: {child?: #Tree, more?: [...#Tree], named?: [string]: #Tree}
`
	file, err := parser.ParseFile("x.cue", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := document(cuecontext.New(), []*ast.File{file}, "#Whole")
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func TestPathsOfEveryForm(t *testing.T) {
	whole := wholeSpec(t)
	for given, want := range map[string]string{
		"":                                   "",
		".":                                  "",
		"name":                               "name",
		"hosts":                              "hosts",
		"hosts.roles":                        "hosts.<NAME>.roles",
		"hosts.NAME.roles":                   "hosts.<NAME>.roles",
		"hosts.<name>.roles":                 "hosts.<NAME>.roles",
		"hosts.<NAME>":                       "hosts.<NAME>",
		"hosts.kubernetes-master1.roles.0":   "hosts.<NAME>.roles",
		`hosts["m1"].roles[0]`:               "hosts.<NAME>.roles",
		"hosts.roles.address":                "hosts.<NAME>.address", // a host named roles
		"hosts.m1.taints.0.key":              "hosts.<NAME>.taints.<INDEX>.key",
		"hosts.taints.key":                   "hosts.<NAME>.taints.<INDEX>.key",
		"hosts.taints.*":                     "hosts.<NAME>.taints.<INDEX>",
		`releases."1.38.0".etcd`:             "releases.<NAME>.etcd",
		"releases.1.38.0.etcd":               "releases.<NAME>.etcd",
		"releases.1.38.0":                    "releases.<NAME>",
		"sources.registry.k8s.io":            "sources.<NAME>",
		"network.dns.stubDomains.a.example":  "network.dns.stubDomains.<NAME>",
		"images.3":                           "images",
		"loadBalancer.vips.api.routerID":     "loadBalancer.vips.<NAME>.routerID",
		"kubernetes.kubelet.evictionHard.x":  "kubernetes.kubelet.evictionHard.<NAME>",
		`sources."https://dl.k8s.io`:         "sources.<NAME>",
		"hosts..roles.":                      "hosts.<NAME>.roles",
		"derivedImages.docker.io/a/b:1.0":    "derivedImages.<NAME>",
		`derivedImages."a/b:1".files."/x.c"`: "derivedImages.<NAME>.files.<NAME>",
		"derivedImages.files./x.source":      "derivedImages.<NAME>.files.<NAME>.source",
		"services.web.ports.<INDEX>.port":    "services.<NAME>.ports.<INDEX>.port",
		"loadBalancer.stats.port":            "loadBalancer.stats.port",
		"applications.web.env.PATH":          "applications.<NAME>.env.<NAME>",
		"addons.dashboard.nodePort":          "addons.dashboard.nodePort",
		"kubernetes.extraArgs.etcd.a-b":      "kubernetes.extraArgs.etcd.<NAME>",
		"registry.harbor.users.a.projects.b": "registry.harbor.users.<NAME>.projects.<NAME>",
	} {
		f, err := whole.find(given)
		if err != nil {
			t.Errorf("%q: %v", given, err)
		} else if f.Path != want {
			t.Errorf("%q is %q, want %q", given, f.Path, want)
		}
	}
}

func TestUnknownFieldsNameWhatWasMeant(t *testing.T) {
	whole := wholeSpec(t)
	for given, want := range map[string]string{
		"nam":                      `the spec has no field "nam"; did you mean name?`,
		"Network":                  "did you mean network?",
		"nodePorts":                "did you mean network.nodePorts?",
		"hosts.m1.rolse":           "did you mean hosts.<NAME>.roles?",
		"hosts.m1.adress":          "did you mean hosts.<NAME>.address?",
		"kubernetes.kubelt.x":      "did you mean kubernetes.kubelet?",
		"kubernetes.flannel":       "did you mean network.flannel?",
		"hosts.m1.roles.worker":    "hosts.<NAME>.roles has no fields",
		"hosts.m1.taints.first.ky": "did you mean ",
		"runtime.qqqqqq":           "there are name, from, package, version, runc,",
		"name.x":                   "; name has no fields",
		"images.first":             "images has no fields",
	} {
		_, err := whole.find(given)
		var unknown *UnknownField
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", given, err, want)
		}
		if strings.Contains(fmt.Sprint(err), "<NAME>?") {
			t.Errorf("%q: a key is no suggestion: %v", given, err)
		}
	}
}

func TestCompletionFollowsWhatWasTyped(t *testing.T) {
	for typed, want := range map[string][]string{
		"nam":               {"name"},
		"hosts.":            {"hosts.address", "hosts.roles", "hosts.address6", "hosts.os", "hosts.labels"},
		"hosts.m1.ro":       {"hosts.m1.roles"},
		"loadBalancer.st":   {"loadBalancer.stats"},
		"network.ipv6.s":    {"network.ipv6.services"},
		"hosts.m1.taints.k": {"hosts.m1.taints.key"},
		"nowhere.":          nil,
		"name.":             nil,
		"zzz":               nil,
	} {
		all, err := CompleteField(typed)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range all {
			got = append(got, c.Path)
			if c.Summary == "" {
				t.Errorf("%s has no summary", c.Path)
			}
		}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) || want == nil && got != nil {
			t.Errorf("%q goes on to %q, want %q", typed, got, want)
		}
	}
	all, err := CompleteField("loadBalancer.stats")
	if err != nil || len(all) != 1 || !all[0].Further {
		t.Errorf("a struct goes on: %v, %v", all, err)
	}
}

func TestFirstSentence(t *testing.T) {
	for text, want := range map[string]string{
		"One. Two.":                 "One.",
		"One":                       "One",
		"a is 1.34.4, e.g. b. More": "a is 1.34.4, e.g. b.",
		"a, i.e. b.\nMore. x":       "a, i.e. b.",
		"is set. permissive is":     "is set.",
		"":                          "",
	} {
		if got := firstSentence(text); got != want {
			t.Errorf("%q begins with %q, want %q", text, got, want)
		}
	}
}

func TestCommentsKeepTheirParagraphs(t *testing.T) {
	got := paragraphs("#A is\nlong.\n\nSecond\n  code\n    more\nthird\n")
	if want := "A is long.\nSecond\n  code\n    more\nthird"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzExplain(f *testing.F) {
	for _, seed := range []string{"", "hosts.m1.roles[0]", `releases."1.38.0".etcd`, "[[[", `"`, "hosts.\x00", "a.b.c.d", "hosts.<NAME>.taints.<INDEX>"} {
		f.Add(seed)
	}
	whole := wholeSpec(f)
	f.Fuzz(func(t *testing.T, path string) {
		found, err := whole.find(path)
		if (found == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", path, found, err)
		}
		if err != nil {
			return
		}
		// What was found has a path that finds it again.
		again, err := whole.find(found.Path)
		if err != nil || again != found {
			t.Errorf("%q is %q, which is %v, %v", path, found.Path, again, err)
		}
	})
}
