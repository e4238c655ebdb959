package render_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/satchel-kit/satchel/templates"
)

// someAPI answers kubectl as an API server does that has Secrets and ConfigMaps, with
// mishaps on top.
type someAPI struct {
	sync.Mutex
	objects map[string]map[string]any // by path
	version int
	// mishap may answer instead, and says whether it has.
	mishap func(w http.ResponseWriter, r *http.Request) bool
	// puts are the paths that were written, in order.
	puts []string
}

// serve starts it and writes the kubeconfig of an administrator.
func (a *someAPI) serve(t *testing.T, l library, config string) {
	t.Helper()
	need(t, "kubectl", "kubernetes-client")
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	l.write(t, config, `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {insecure-skip-tls-verify: true, server: "`+server.URL+`"}}],
users: [{name: c, user: {token: t}}], contexts: [{name: c, context: {cluster: c, user: c}}]}`)
	t.Setenv("HOME", l.dir) // kubectl's cache
}

func (a *someAPI) add(kind, namespace, name string, more map[string]any) {
	if a.objects == nil {
		a.objects = map[string]map[string]any{}
	}
	a.version++
	o := map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"namespace": namespace, "name": name, "resourceVersion": fmt.Sprint(a.version)}}
	for key, value := range more {
		o[key] = value
	}
	a.objects["/api/v1/namespaces/"+namespace+"/"+strings.ToLower(kind)+"s/"+name] = o
}

func metadata(o map[string]any) map[string]any { return o["metadata"].(map[string]any) }

func (a *someAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.Lock()
	defer a.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch o := a.objects[r.URL.Path]; {
	case a.mishap != nil && a.mishap(w, r):
	case r.URL.Path == "/api":
		io.WriteString(w, `{"kind": "APIVersions", "versions": ["v1"]}`)
	case r.URL.Path == "/apis":
		io.WriteString(w, `{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}`)
	case r.URL.Path == "/api/v1":
		io.WriteString(w, `{"kind": "APIResourceList", "groupVersion": "v1", "resources": [
			{"name": "secrets", "singularName": "secret", "namespaced": true, "kind": "Secret", "verbs": ["get", "list", "update"]},
			{"name": "configmaps", "singularName": "configmap", "namespaced": true, "kind": "ConfigMap", "verbs": ["get", "list", "update"]}]}`)
	case r.URL.Path == "/api/v1/secrets":
		a.table(w)
	case o == nil:
		failure(w, http.StatusNotFound, "NotFound")
	case r.Method == http.MethodPut:
		a.put(w, r)
	default:
		json.NewEncoder(w).Encode(o)
	}
}

func failure(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": %q, "code": %d, "message": %q}`, reason, status, reason)
}

// table is the list of Secrets as kubectl shows it.
func (a *someAPI) table(w io.Writer) {
	rows := []map[string]any{}
	for _, o := range a.objects {
		if o["kind"] == "Secret" {
			rows = append(rows, map[string]any{"cells": []any{metadata(o)["name"], "Opaque", 1, "5d"},
				"object": map[string]any{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]}})
		}
	}
	columns := []map[string]any{}
	for _, name := range []string{"Name", "Type", "Data", "Age"} {
		columns = append(columns, map[string]any{"name": name, "type": "string"})
	}
	json.NewEncoder(w).Encode(map[string]any{"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": map[string]any{}, "columnDefinitions": columns, "rows": rows})
}

// put writes an object whose version is that of the one there.
func (a *someAPI) put(w http.ResponseWriter, r *http.Request) {
	var o map[string]any
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || metadata(o)["resourceVersion"] != metadata(a.objects[r.URL.Path])["resourceVersion"] {
		failure(w, http.StatusConflict, "Conflict")
		return
	}
	a.version++
	metadata(o)["resourceVersion"] = fmt.Sprint(a.version)
	a.objects[r.URL.Path] = o
	a.puts = append(a.puts, r.URL.Path)
	json.NewEncoder(w).Encode(o)
}

// Each Secret is written once, whatever happens on the way: the API is away, another one
// changes a Secret between, or deletes it. No value is shown.
func TestEverySecretIsWrittenAgain(t *testing.T) {
	l := newKeyLibrary(t)
	a := &someAPI{}
	var want []string
	for i := range 13 {
		for _, namespace := range []string{"default", "kube-system", "site.one"} {
			a.add("Secret", namespace, fmt.Sprintf("s%d", i), map[string]any{"data": map[string]any{"word": oneKey}, "type": "Opaque"})
		}
	}
	a.add("ConfigMap", "default", "open", nil)
	for name, o := range a.objects {
		if o["kind"] == "Secret" && !strings.HasSuffix(name, "/s5") {
			want = append(want, name)
		}
	}
	asked := map[string]int{}
	a.mishap = func(w http.ResponseWriter, r *http.Request) bool {
		what := r.Method + " " + r.URL.Path
		asked[what]++
		switch {
		case r.URL.Path == "/api/v1/secrets" && asked[what] == 1:
			failure(w, http.StatusServiceUnavailable, "ServiceUnavailable")
			return true
		case r.Method == http.MethodPut && path.Base(r.URL.Path) == "s3" && asked[what] == 1:
			metadata(a.objects[r.URL.Path])["resourceVersion"] = "0" // somebody else was first
		case r.Method == http.MethodPut && path.Base(r.URL.Path) == "s5" || r.Method == http.MethodGet && r.URL.Path == "/api/v1/namespaces/default/secrets/s5":
			delete(a.objects, r.URL.Path)
			failure(w, http.StatusNotFound, "NotFound")
			return true
		}
		return false
	}
	a.serve(t, l.library, "admin.conf")
	out := l.must(t, "cluster", `say() { printf '%s\n' "$*"; }
		all() { kubectl --kubeconfig="$BUNDLE/admin.conf" --request-timeout=10s "$@"; }
		. "$BUNDLE/steps/encryption.sh"
		OWN_KEY='secretbox key2 x'
		rewrite`)
	slices.Sort(want)
	slices.Sort(a.puts)
	if !slices.Equal(a.puts, want) {
		t.Errorf("written were %d:\n%s\nand not %d:\n%s", len(a.puts), strings.Join(a.puts, "\n"), len(want), strings.Join(want, "\n"))
	}
	for _, name := range want {
		if data := a.objects[name]["data"].(map[string]any); data["word"] != oneKey {
			t.Errorf("%s has become %v", name, data)
		}
	}
	if strings.Contains(out, oneKey) {
		t.Errorf("a value is shown: %s", out)
	}
}

// A Secret that nobody may write again keeps the old keys: they are not dropped.
func TestASecretThatCannotBeWrittenAgainIsAnError(t *testing.T) {
	l := newKeyLibrary(t)
	a := &someAPI{mishap: func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		failure(w, http.StatusForbidden, "Forbidden")
		return true
	}}
	a.add("Secret", "default", "held", nil)
	a.serve(t, l.library, "admin.conf")
	out, err := l.step(t, "cluster", "lib.sh", `say() { printf '%s\n' "$*"; }
		all() { kubectl --kubeconfig="$BUNDLE/admin.conf" --request-timeout=10s "$@"; }
		. "$BUNDLE/steps/encryption.sh"
		OWN_KEY='secretbox key2 x' SATCHEL_WAIT=2
		rewrite`)
	if err == nil || !strings.Contains(out, "does not write these Secrets again: default/held") {
		t.Errorf("%v: %s", err, out)
	}
}

// function is the text of one function of a step.
func function(t *testing.T, step, name string) string {
	t.Helper()
	text, err := templates.FS.ReadFile("steps/" + step)
	if err != nil {
		t.Fatal(err)
	}
	script, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(string(text)), step)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	syntax.Walk(script, func(n syntax.Node) bool {
		if f, ok := n.(*syntax.FuncDecl); ok && f.Name.Value == name {
			found = string(text[f.Pos().Offset():f.End().Offset()])
		}
		return true
	})
	if found == "" {
		t.Fatalf("%s has no function %s", step, name)
	}
	return found
}

// That the cluster was never restored is one thing, and an API server that does not answer
// another: a control plane that took it for the first would count otherwise for ever.
func TestAControlPlaneThatJoinsAsksForRestoresUntilItIsAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		away     int
		restored bool
		says     string
	}{
		"at once":              {restored: true, says: "[restored-a-0]"},
		"after a while":        {away: 2, restored: true, says: "[restored-a-0]"},
		"there was none":       {says: "[]"},
		"none, after a while":  {away: 2, says: "[]"},
		"it is away for good":  {away: 1 << 30, restored: true, says: "the API server to tell of the restores of etcd did not come within 2 seconds"},
		"away, and never back": {away: 1 << 30, says: "the API server to tell of the restores of etcd did not come within 2 seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLibrary(t)
			asked := 0
			a := &someAPI{mishap: func(w http.ResponseWriter, r *http.Request) bool {
				if path.Base(r.URL.Path) != "satchel-restored" {
					return false
				}
				asked++
				if asked <= c.away {
					failure(w, http.StatusServiceUnavailable, "ServiceUnavailable")
				}
				return asked <= c.away
			}}
			if c.restored {
				a.add("ConfigMap", "kube-system", "satchel-restored", map[string]any{"data": map[string]any{"tokens": "restored-a-0"}})
			}
			a.serve(t, l, "admin.conf")
			ask := strings.ReplaceAll(function(t, "80-kubeadm.sh", "ask_restores"), "/etc/kubernetes/admin.conf", `"$BUNDLE/admin.conf"`)
			out, err := l.step(t, "80-kubeadm", "lib.sh", ask+`
				if ((`+fmt.Sprint(c.away)+` > 9)); then SATCHEL_WAIT=2; fi
				wait_for 'the API server to tell of the restores of etcd' ask_restores
				printf '[%s]\n' "$RESTORES"`)
			if (err == nil) != strings.HasPrefix(c.says, "[") || !strings.Contains(out, c.says) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
