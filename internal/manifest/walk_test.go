package manifest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestImagesAreFoundByWhereTheyStand(t *testing.T) {
	const custom = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"every kind of container", pod("  initContainers: [{image: a/i}]\n  containers: [{image: a/c}, {name: none}]\n  ephemeralContainers: [{image: a/e}]\n"),
			[]string{"6:28 docker.io/a/i:latest", "7:24 docker.io/a/c:latest", "8:33 docker.io/a/e:latest"}},
		{"a workload's template", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n          - image: busybox\n",
			[]string{"10:20 docker.io/library/busybox:latest"}},
		{"a volume of an image", pod("  volumes:\n  - name: a\n    image: {reference: quay.io/a/b:v1, pullPolicy: Always}\n"),
			[]string{"8:24 quay.io/a/b:v1"}},
		{"a disk of Ceph's is none", pod("  volumes:\n  - rbd: {image: example.com/disk}\n"), nil},
		{"a ConfigMap's data is not walked", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {image: quay.io/a/b:v1}\n", nil},
		{"nor a Secret's", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {image: quay.io/a/b:v1, containers: [{image: a}]}\n", nil},
		{"nor annotations", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {image: quay.io/a/b:v1}}\nspec: {}\n", nil},
		{"nor a status", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\nstatus: {containerStatuses: [{image: quay.io/a/b:v1}]}\n", nil},
		{"a custom resource's image with a host", custom + "spec: {image: quay.io/a/b, deep: [{image: 'localhost/c:1'}]}\n",
			[]string{"4:15 quay.io/a/b:latest", "4:43 localhost/c:1"}},
		{"and not without one", custom + "spec: {image: nginx, one: {image: a/b:v1}, two: {image: ./logo.png}, three: {image: {repository: quay.io/a}}}\n", nil},
		{"a custom resource with containers", custom + "spec: {containers: [{image: nginx}, {image: ''}, {image: '{{inputs.image}}'}, {image: {name: a}}, a]}\n",
			[]string{"4:29 docker.io/library/nginx:latest"}},
		{"a schema has no images", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec:\n  properties:\n    containers: {type: array, items: {properties: {image: {type: string}}}}\n    image: {type: string, default: x}\n", nil},
		{"an anchor is named once", pod("  containers:\n  - image: &i nginx\n  - image: *i\n"), []string{"7:15 docker.io/library/nginx:latest"}},
		{"an alias of something else is a place", "apiVersion: v1\nkind: Pod\nmetadata: {name: &n nginx}\nspec:\n  containers:\n  - image: *n\n", []string{"6:12 docker.io/library/nginx:latest"}},
		{"a merged container", pod("  containers:\n  - &c {image: nginx}\n  - {<<: *c, name: b}\n  - {<<: [*c], image: redis}\n"),
			[]string{"7:16 docker.io/library/nginx:latest", "9:23 docker.io/library/redis:latest"}},
		{"one that no container merges", pod("  x: &x {image: quay}\n  containers:\n  - {image: redis, <<: *x}\n"), []string{"8:13 docker.io/library/redis:latest"}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			file, problems := Parse("a.yaml", []byte(c.text))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var got []string
			for _, i := range file.Images {
				got = append(got, fmt.Sprintf("%d:%d %s", i.Line, i.Column, i.Name))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

func TestFullNames(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for written, want := range map[string]string{
		"nginx":                            "docker.io/library/nginx:latest",
		"nginx:1.25":                       "docker.io/library/nginx:1.25",
		"bitnami/redis":                    "docker.io/bitnami/redis:latest",
		"docker.io/nginx":                  "docker.io/library/nginx:latest",
		"index.docker.io/library/nginx:1":  "docker.io/library/nginx:1",
		"registry.k8s.io/pause:3.9":        "registry.k8s.io/pause:3.9",
		"localhost/a":                      "localhost/a:latest",
		"localhost:5000/a/b:c":             "localhost:5000/a/b:c",
		"10.0.0.5:5000/a":                  "10.0.0.5:5000/a:latest",
		"[::1]:5000/a":                     "[::1]:5000/a:latest",
		"nginx" + digest:                   "docker.io/library/nginx" + digest,
		"quay.io/a/b:v1" + digest:          "quay.io/a/b" + digest,
		"ghcr.io/a/b__c-d.e/f:V1.2_3-rc.1": "ghcr.io/a/b__c-d.e/f:V1.2_3-rc.1",
	} {
		got, err := fullName(written)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", written, got, err, want)
		}
		if again, err := fullName(got); err != nil || again != got {
			t.Errorf("%s is not full: it becomes %s, %v", got, again, err)
		}
	}
}

// What a real file can hold at once; a reviewer reads the two files side by side.
func TestFeaturesTogether(t *testing.T) {
	text, err := os.ReadFile("testdata/features.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/features.rewritten")
	if err != nil {
		t.Fatal(err)
	}
	file, problems := Parse("features.yaml", text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := file.Rewrite(func(name string) string { return "registry.site:5000/" + name }); string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
