package manifest

import (
	"strings"
	"testing"
)

// rewriteCases are awkward places for an image. pull puts registry.test/ before a
// name and takes the host off.
var rewriteCases = []struct{ name, text, want string }{
	{"plain", pod("  containers:\n  - image: nginx # the server\n    name: a\n"), pod("  containers:\n  - image: registry.test/library/nginx:latest # the server\n    name: a\n")},
	{"no line break at the end", pod("  containers:\n  - image:   nginx"), pod("  containers:\n  - image:   registry.test/library/nginx:latest")},
	{"single quotes", pod("  containers:\n  - image: 'nginx:1'\n"), pod("  containers:\n  - image: 'registry.test/library/nginx:1'\n")},
	{"double quotes", pod("  containers:\n  - image: \"nginx:1\"\n"), pod("  containers:\n  - image: \"registry.test/library/nginx:1\"\n")},
	{"escapes", pod("  containers:\n  - image: \"\\x6Eginx\\u003a1\"\n"), pod("  containers:\n  - image: \"registry.test/library/nginx:1\"\n")},
	{"a quoted name over two lines", pod("  containers:\n  - image: \"ngi\\\n      nx:1\"\n    name: a\n"), pod("  containers:\n  - image: \"registry.test/library/nginx:1\"\n    name: a\n")},
	{"on the line after its key", pod("  containers:\n  - image:\n      # here\n      nginx\n"), pod("  containers:\n  - image:\n      # here\n      registry.test/library/nginx:latest\n")},
	{"flow style", pod("  containers: [{image: nginx,name: a},{name: b, image: redis}]\n"), pod("  containers: [{image: registry.test/library/nginx:latest,name: a},{name: b, image: registry.test/library/redis:latest}]\n")},
	{"JSON with tabs", "{\n\t\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\n\t\"spec\":{\"containers\":[{\"image\":\"nginx\"}]}}", "{\n\t\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\n\t\"spec\":{\"containers\":[{\"image\":\"registry.test/library/nginx:latest\"}]}}"},
	{"explicit key", pod("  containers:\n  - ? image\n    : nginx\n"), pod("  containers:\n  - ? image\n    : registry.test/library/nginx:latest\n")},
	{"CRLF", strings.ReplaceAll(pod("  containers:\n  - image: nginx\n  - image: 'redis'\n"), "\n", "\r\n"), strings.ReplaceAll(pod("  containers:\n  - image: registry.test/library/nginx:latest\n  - image: 'registry.test/library/redis:latest'\n"), "\n", "\r\n")},
	{"lone CR", strings.ReplaceAll(pod("  containers:\n  - image: nginx\n"), "\n", "\r"), strings.ReplaceAll(pod("  containers:\n  - image: registry.test/library/nginx:latest\n"), "\n", "\r")},
	{"characters of several bytes before it", pod("  containers: [{\"ключ\": \"日本\U0001f600\", image: nginx}]\n"), pod("  containers: [{\"ключ\": \"日本\U0001f600\", image: registry.test/library/nginx:latest}]\n")},
	{"a byte order mark", "\ufeff" + pod("  containers: [{image: nginx}]\n"), "\ufeff" + pod("  containers: [{image: registry.test/library/nginx:latest}]\n")},
	{"YAML's other line breaks", pod("  a: \"\u2028\u0085\"\n  b: 'x\u2029  y'\n  containers: [{image: nginx}]\n"), pod("  a: \"\u2028\u0085\"\n  b: 'x\u2029  y'\n  containers: [{image: registry.test/library/nginx:latest}]\n")},
	{"several documents", "%YAML 1.1\n---\n" + pod("  containers: [{image: a/b}]\n") + "...\n# c\n---\n" + pod("  containers: [{image: a/c}]\n"), "%YAML 1.1\n---\n" + pod("  containers: [{image: registry.test/a/b:latest}]\n") + "...\n# c\n---\n" + pod("  containers: [{image: registry.test/a/c:latest}]\n")},
	{"a block scalar and comments before it", pod("  command:\n  - |\n    image: no\n\n    é\n  # é\n\n  containers:\n  - image: nginx\n"), pod("  command:\n  - |\n    image: no\n\n    é\n  # é\n\n  containers:\n  - image: registry.test/library/nginx:latest\n")},

	{"an anchor", pod("  containers:\n  - image: &i nginx\n  - image: *i\n"), pod("  containers:\n  - image: &i registry.test/library/nginx:latest\n  - image: *i\n")},
	{"a tag", pod("  containers:\n  - image: !!str nginx\n"), pod("  containers:\n  - image: !!str registry.test/library/nginx:latest\n")},
	{"a tag, an anchor and a comment", pod("  containers:\n  - image: !<tag:yaml.org,2002:str> &i # é\n\n      'nginx'\n"), pod("  containers:\n  - image: !<tag:yaml.org,2002:str> &i # é\n\n      'registry.test/library/nginx:latest'\n")},
	{"an anchor that is a container's name too", pod("  containers:\n  - image: &i nginx\n    name: *i\n  - {image: *i, name: b}\n"), pod("  containers:\n  - image: &i registry.test/library/nginx:latest\n    name: \"nginx\"\n  - {image: *i, name: b}\n")},
	{"an anchor that is something else", "apiVersion: v1\nkind: Pod\nmetadata: {name: &n nginx}\nspec:\n  containers:\n  - image: *n\n  - {name: *n, image: *n}\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: &n nginx}\nspec:\n  containers:\n  - image: registry.test/library/nginx:latest\n  - {name: *n, image: registry.test/library/nginx:latest}\n"},
	{"an anchor that is a key", pod("  nodeSelector: {&k nginx : a}\n  containers: [{image: *k }]\n"), pod("  nodeSelector: {&k nginx : a}\n  containers: [{image: registry.test/library/nginx:latest }]\n")},
	{"an alias that is a key", pod("  containers: [{image: &i quay.io/a/b:v1}]\n  nodeSelector: {*i : a}\n"), pod("  containers: [{image: &i registry.test/a/b:v1}]\n  nodeSelector: {quay.io/a/b:v1 : a}\n")},
	{"a merged container", pod("  containers:\n  - &c {image: nginx, name: a}\n  - {<<: *c, name: b}\n"), pod("  containers:\n  - &c {image: registry.test/library/nginx:latest, name: a}\n  - {<<: *c, name: b}\n")},

	{"what pull leaves empty stays", pod("  containers: [{image: skip/it}, {image: nginx}]\n"), pod("  containers: [{image: skip/it}, {image: registry.test/library/nginx:latest}]\n")},
	{"what is there already stays", pod("  containers:\n  - {name: &n \"registry.test/library/nginx:latest\", image: *n}\n"), pod("  containers:\n  - {name: &n \"registry.test/library/nginx:latest\", image: *n}\n")},
}

func pullForTest(name string) string {
	_, path, _ := strings.Cut(name, "/")
	if strings.HasPrefix(path, "skip/") {
		return ""
	}
	return "registry.test/" + path
}

func TestRewriteChangesNoOtherByte(t *testing.T) {
	for _, c := range rewriteCases {
		t.Run(c.name, func(t *testing.T) {
			file, problems := Parse("a.yaml", []byte(c.text))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			got := file.Rewrite(pullForTest)
			if string(got) != c.want {
				t.Fatalf("got\n%q\nwant\n%q", got, c.want)
			}
			again, problems := Parse("a.yaml", got)
			if len(problems) > 0 {
				t.Fatalf("what Rewrite made has problems: %v", problems)
			}
			if twice := again.Rewrite(pullForTest); string(twice) != c.want {
				t.Errorf("a second time it becomes\n%q", twice)
			}
		})
	}
}

// A name that the quotes in the file cannot hold gets others.
func TestRewriteQuotesWhatNeedsIt(t *testing.T) {
	const text = "  containers: [{image: a/plain}, {image: 'a/single'}, {image: \"a/double\"}]\n"
	tests := []struct{ name, want string }{
		{"[::1]:5000/x", `  containers: [{image: "[::1]:5000/x"}, {image: '[::1]:5000/x'}, {image: "[::1]:5000/x"}]` + "\n"},
		{"it's", `  containers: [{image: "it's"}, {image: 'it''s'}, {image: "it's"}]` + "\n"},
		{"a\n\"\u007f", `  containers: [{image: "a\n\"\x7f"}, {image: "a\n\"\x7f"}, {image: "a\n\"\x7f"}]` + "\n"},
		{"1", `  containers: [{image: "1"}, {image: '1'}, {image: "1"}]` + "\n"},
		{"a/b:", `  containers: [{image: "a/b:"}, {image: 'a/b:'}, {image: "a/b:"}]` + "\n"},
		{"a/b #c", `  containers: [{image: "a/b #c"}, {image: 'a/b #c'}, {image: "a/b #c"}]` + "\n"},
	}
	file, problems := Parse("a.yaml", []byte(pod(text)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, c := range tests {
		if got := string(file.Rewrite(func(string) string { return c.name })); got != pod(c.want) {
			t.Errorf("%q: got %s want %s", c.name, got, pod(c.want))
		}
	}
}
