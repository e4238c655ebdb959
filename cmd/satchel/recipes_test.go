package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// forge is what a hosted git service has of one change: its comments.
type forge struct {
	*httptest.Server
	mu       sync.Mutex
	comments []string
	requests []string
}

const forgeToken = "the-token"

// newForge serves comments at a path, as GitHub and GitLab do; field and value are the
// header with the token.
func newForge(t *testing.T, path, field, value, edit string) *forge {
	f := &forge{}
	mux := http.NewServeMux()
	authorized := func(w http.ResponseWriter, r *http.Request) bool {
		f.requests = append(f.requests, r.Method)
		if r.Header.Get(field) != value {
			http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
			return false
		}
		return true
	}
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !authorized(w, r) {
			return
		}
		if r.Method == http.MethodPost {
			f.comments = append(f.comments, commentOf(t, r))
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{}`)
			return
		}
		list := []map[string]any{{"id": 1, "url": "http://127.0.0.1:1/", "body": "somebody's"}}
		for i, body := range f.comments {
			list = append(list, map[string]any{"id": i + 2, "url": fmt.Sprintf("%s/comment/%d", f.URL, i+2), "body": body})
		}
		json.NewEncoder(w).Encode(list)
	})
	change := func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !authorized(w, r) || r.Method != edit {
			return
		}
		var id int
		fmt.Sscan(filepath.Base(r.URL.Path), &id)
		f.comments[id-2] = commentOf(t, r)
		fmt.Fprint(w, `{}`)
	}
	mux.HandleFunc("/comment/", change)
	mux.HandleFunc(path+"/", change)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func commentOf(t *testing.T, r *http.Request) string {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	var comment struct{ Body string }
	if err := json.Unmarshal(text, &comment); err != nil || comment.Body == "" {
		t.Errorf("the comment is %q: %v", text, err)
	}
	return comment.Body
}

// change is a repository with a cluster, and a change of it on a branch.
type change struct {
	t   *testing.T
	dir string
	env []string
}

func newChange(t *testing.T, env ...string) *change {
	for _, program := range []string{"git", "bash", "curl", "jq"} {
		need(t, program)
	}
	c := &change{t: t, dir: t.TempDir()}
	c.env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "HOME="+c.dir,
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	c.env = append(c.env, env...)
	text, err := os.ReadFile("../../testdata/diff/base/cluster.cue")
	if err != nil {
		t.Fatal(err)
	}
	c.must("git init -q -b main . && git commit -q --allow-empty -m empty && mkdir -p clusters/prod")
	c.write("clusters/prod/cluster.cue", string(text))
	world := newSite(t)
	world.write("spec/cluster.cue", string(text))
	world.upstream(func(h http.Handler) http.Handler { return h })
	world.must("lock", "spec")
	c.write("clusters/prod/satchel.lock", string(world.read("spec/satchel.lock")))
	c.must("satchel render clusters/prod -o clusters/prod/tree && git add -A && git commit -q -m one && git switch -q -c branch")
	return c
}

func (c *change) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// bash runs a script as the runners do.
func (c *change) bash(script string, env ...string) (string, error) {
	cmd := exec.CommandContext(c.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = c.dir, append(c.env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *change) must(script string, env ...string) string {
	c.t.Helper()
	out, err := c.bash(script, env...)
	if err != nil {
		c.t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return out
}

func (c *change) edit(from, to string) {
	c.must(fmt.Sprintf("sed -i s/%s/%s/ clusters/prod/cluster.cue", from, to))
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	f, err := os.Open(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// workflow is what of GitHub's workflows the recipe uses.
type workflow struct {
	Name        string
	On          string
	Permissions map[string]string
	Concurrency map[string]any
	Env         map[string]string
	Jobs        map[string]struct {
		RunsOn string `yaml:"runs-on"`
		Steps  []struct {
			Name, Uses, Run, If string
			With                map[string]any
			Env                 map[string]string
		}
	}
}

func TestGitHubRecipe(t *testing.T) {
	var w workflow
	readYAML(t, "testdata/ci/github.yml", &w)
	f := newForge(t, "/repos/o/r/issues/7/comments", "Authorization", "Bearer "+forgeToken, http.MethodPatch)
	temp := t.TempDir()
	c := newChange(t, "GITHUB_API_URL="+f.URL, "GITHUB_REPOSITORY=o/r", "RUNNER_TEMP="+temp, "GITHUB_STEP_SUMMARY="+filepath.Join(temp, "summary"))
	// steps runs the recipe and gives the name of the step that failed.
	steps := func() (failed, out string) {
		context := map[string]string{
			"github.event.pull_request.base.sha": strings.TrimSpace(c.must("git rev-parse main")),
			"github.token":                       forgeToken, "github.event.pull_request.number": "7",
		}
		for _, step := range w.Jobs["review"].Steps {
			if step.Run == "" || strings.HasPrefix(step.Run, "go install") {
				continue
			}
			if strings.Contains(step.Run, "${{") {
				t.Errorf("%s: an expression in a script can be anybody's code; it belongs into env", step.Name)
			}
			var env []string
			for _, vars := range []map[string]string{w.Env, step.Env} {
				for name, value := range vars {
					env = append(env, name+"="+filled(t, value, context))
				}
			}
			if text, err := c.bash(step.Run, env...); err != nil {
				return step.Name, text
			}
		}
		return "", ""
	}
	judgeRecipe(t, c, f, steps)
	if summary, err := os.ReadFile(filepath.Join(temp, "summary")); err != nil || !strings.Contains(string(summary), "### satchel diff") {
		t.Errorf("the summary is %q, %v", summary, err)
	}
}

var expression = regexp.MustCompile(`\$\{\{ *([a-z_.]+) *\}\}`)

func filled(t *testing.T, text string, context map[string]string) string {
	return expression.ReplaceAllStringFunc(text, func(whole string) string {
		value, ok := context[expression.FindStringSubmatch(whole)[1]]
		if !ok {
			t.Errorf("%s is not in the context", whole)
		}
		return value
	})
}

// pipeline is what of GitLab's pipelines the recipe uses.
type pipeline struct {
	Satchel struct {
		Image     string
		Rules     []map[string]string
		Variables map[string]string
		Before    []string `yaml:"before_script"`
		Script    []string
		Artifacts map[string]any
	}
}

func TestGitLabRecipe(t *testing.T) {
	var p pipeline
	readYAML(t, "testdata/ci/gitlab.yml", &p)
	f := newForge(t, "/projects/3/merge_requests/7/notes", "Private-Token", forgeToken, http.MethodPut)
	c := newChange(t, "CI_API_V4_URL="+f.URL, "CI_PROJECT_ID=3", "CI_MERGE_REQUEST_IID=7", "SATCHEL_TOKEN="+forgeToken)
	steps := func() (failed, out string) {
		env := []string{"CI_MERGE_REQUEST_DIFF_BASE_SHA=" + strings.TrimSpace(c.must("git merge-base main HEAD"))}
		for name, value := range p.Satchel.Variables {
			env = append(env, name+"="+value)
		}
		for _, script := range p.Satchel.Script {
			if text, err := c.bash(script, env...); err != nil {
				return script, text
			}
		}
		return "", ""
	}
	judgeRecipe(t, c, f, steps)
	// A fork has no token, and no comment.
	f.requests = nil
	c.env = append(c.env, "SATCHEL_TOKEN=")
	steps()
	if len(f.requests) > 0 {
		t.Errorf("asked without a token: %v", f.requests)
	}
}

// judgeRecipe runs a recipe on one change after the other.
func judgeRecipe(t *testing.T, c *change, f *forge, steps func() (failed, out string)) {
	t.Helper()
	c.edit("vxlan", "host-gw")
	c.must("git commit -q -a -m two")
	if failed, out := steps(); !strings.Contains(failed+out, "fresh") && !strings.Contains(failed, "render") {
		t.Errorf("a stale tree passes: %s\n%s", failed, out)
	}
	c.must("satchel render clusters/prod -o clusters/prod/tree && git commit -q -a -m three")
	if failed, out := steps(); failed != "" {
		t.Fatalf("%s: %s", failed, out)
	}
	if len(f.comments) != 1 || !strings.Contains(f.comments[0], "flannel") || !strings.HasPrefix(f.comments[0], "<!-- satchel diff -->\n### satchel diff") {
		t.Errorf("the comments are %q after %v", f.comments, f.requests)
	}
	c.edit("nginx:1.27.3", "nginx:1.29.1")
	c.must("satchel render clusters/prod -o clusters/prod/tree && git commit -q -a -m four")
	if failed, out := steps(); !strings.Contains(failed, "lock") || !strings.Contains(out, "1.29.1") {
		t.Errorf("a lock that does not fit passes: %s\n%s", failed, out)
	}
	if len(f.comments) != 1 || !strings.Contains(f.comments[0], "1.29.1") {
		t.Errorf("the comment is not brought up to date: %q", f.comments)
	}
	// A spec that is not valid cannot be compared: the comment says so, and vet fails.
	c.must("cp clusters/prod/cluster.cue good")
	c.edit("containerd", "nothing")
	c.must("git commit -q -a -m broken")
	if failed, out := steps(); !strings.Contains(failed, "valid") && !strings.Contains(failed, "vet") || !strings.Contains(out, "nothing") {
		t.Errorf("an invalid spec passes: %s\n%s", failed, out)
	}
	if !strings.Contains(f.comments[0], "It cannot be compared: `clusters/prod`") {
		t.Errorf("the comment is %q", f.comments[0])
	}
	// The change that repairs it is not held up by what it repairs.
	c.must("git branch -f main && cp good clusters/prod/cluster.cue && git commit -q -a -m repaired")
	if failed, _ := steps(); strings.Contains(failed, "compare") || strings.Contains(failed, "diff --format") || !strings.Contains(failed, "lock") {
		t.Errorf("the repair fails at %s", failed)
	}
	c.must("git branch -f main HEAD~5 && git reset -q --hard HEAD~2")
	// A cluster that the branch brings has nothing to compare with.
	c.must("git switch -q main && git reset -q --hard HEAD^ && git switch -q -c new && git checkout -q branch -- . && git commit -q -m five")
	steps()
	if !strings.Contains(f.comments[0], "This cluster is new: `clusters/prod`") {
		t.Errorf("a new cluster: %q", f.comments)
	}
}

func TestPreCommitHooks(t *testing.T) {
	var hooks []struct {
		ID, Name, Entry, Language, Files string
		AlwaysRun                        bool `yaml:"always_run"`
		PassFilenames                    bool `yaml:"pass_filenames"`
	}
	readYAML(t, ".pre-commit-hooks.yaml", &hooks)
	var user struct {
		Repos []struct {
			Repo, Rev string
			Hooks     []struct {
				ID   string
				Args []string
			}
		}
	}
	readme, err := os.ReadFile("../../testdata/ci/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "\n      repos:")
	block, _, _ = strings.Cut("      repos:"+block, "\n\n")
	if err := yaml.Unmarshal([]byte(block), &user); err != nil || len(user.Repos) != 1 || len(user.Repos[0].Hooks) != len(hooks) {
		t.Fatalf("the README's example has %+v, %v", user, err)
	}
	c := newChange(t)
	// all runs the hooks with the README's arguments and names those that fail.
	all := func() (failed []string) {
		for i, h := range hooks {
			if user.Repos[0].Hooks[i].ID != h.ID || h.Language != "golang" || h.PassFilenames {
				t.Errorf("hook %+v", h)
			}
			if _, err := c.bash(h.Entry + " " + strings.Join(user.Repos[0].Hooks[i].Args, " ")); err != nil {
				failed = append(failed, h.ID)
			}
		}
		return failed
	}
	if failed := all(); len(failed) > 0 {
		t.Errorf("%v fail where nothing changed", failed)
	}
	c.edit("nginx:1.27.3", "nginx:1.29.1")
	if failed := fmt.Sprint(all()); failed != "[satchel-render satchel-lock]" {
		t.Errorf("after a change %s fail", failed)
	}
	c.edit("containerd", "nothing")
	if failed := all(); len(failed) != len(hooks) {
		t.Errorf("of an invalid spec only %v fail", failed)
	}
}

// The scripts in the recipes are as clean as the steps are.
func TestRecipesPassShellcheck(t *testing.T) {
	need(t, "shellcheck")
	var w workflow
	readYAML(t, "testdata/ci/github.yml", &w)
	var p pipeline
	readYAML(t, "testdata/ci/gitlab.yml", &p)
	scripts := map[string][]string{"sh": append(p.Satchel.Before, p.Satchel.Script...)}
	for _, step := range w.Jobs["review"].Steps {
		scripts["bash"] = append(scripts["bash"], step.Run)
	}
	for shell, list := range scripts {
		if len(list) < 5 {
			t.Errorf("only %d scripts of %s", len(list), shell)
		}
		for _, script := range list {
			cmd := exec.CommandContext(t.Context(), "shellcheck", "--shell", shell, "-")
			cmd.Stdin = strings.NewReader(script + "\n")
			if out, err := cmd.CombinedOutput(); err != nil && script != "" {
				t.Errorf("%v\n%s", err, out)
			}
		}
	}
}
