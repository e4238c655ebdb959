package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// withHelper has docker's configuration in a directory of its own, and the program
// docker-credential-test, which is a shell script.
func withHelper(t *testing.T, config, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_AUTH_CONFIG", "")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DIR", dir)
	write(t, filepath.Join(dir, "config.json"), config)
	write(t, filepath.Join(dir, "docker-credential-test"), "#!/bin/sh\nread host\necho \"$1 $host\" >>$DIR/asked\n"+script)
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func asked(dir string) []string {
	data, _ := os.ReadFile(filepath.Join(dir, "asked"))
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

func repository(t *testing.T, text string) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(text)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// who is the user that a keychain finds, and the error.
func who(ctx context.Context, t *testing.T, k authn.Keychain, repo string) (string, error) {
	t.Helper()
	auth, err := authn.Resolve(ctx, k, repository(t, repo))
	if err != nil {
		return "", err
	}
	c, err := auth.Authorization()
	return c.Username + c.IdentityToken, err
}

const answers = `case $host in
a.example) echo '{"ServerURL":"x","Username":"ann","Secret":"s3cret"}';;
t.example) echo '{"ServerURL":"x","Username":"<token>","Secret":"token"}';;
*) echo 'credentials not found in native keychain'; exit 1;;
esac
`

func TestAHelperIsAskedOnceForARegistry(t *testing.T) {
	dir := withHelper(t, `{"credsStore":"test"}`, answers)
	k := DockerLogins()
	var all sync.WaitGroup
	for i := range 9 {
		all.Go(func() {
			for host, want := range map[string]string{"a.example": "ann", "t.example": "token", "n.example": ""} {
				if got, err := who(t.Context(), t, k, fmt.Sprintf("%s/team/app%d", host, i)); err != nil || got != want {
					t.Errorf("%s: got %q, %v", host, got, err)
				}
			}
		})
	}
	all.Wait()
	if got := asked(dir); len(got) != 3 {
		t.Errorf("it was asked %d times: %q", len(got), got)
	}
}

// TestCredentialsAreFoundAsTheLibraryFindsThem compares with the library, which is the
// one that docker's users know the answers of.
func TestCredentialsAreFoundAsTheLibraryFindsThem(t *testing.T) {
	login := func(user string) string {
		return fmt.Sprintf(`{"auth":%q}`, base64.StdEncoding.EncodeToString([]byte(user+":pw")))
	}
	for what, c := range map[string]struct{ config, env, repo, want string }{
		"a registry":                      {`{"auths":{"f.example":` + login("fay") + `}}`, "", "f.example/x", "fay"},
		"a repository":                    {`{"auths":{"f.example":` + login("fay") + `,"f.example/x":` + login("rob") + `}}`, "", "f.example/x", "rob"},
		"another repository":              {`{"auths":{"f.example":` + login("fay") + `,"f.example/x":` + login("rob") + `}}`, "", "f.example/y", "fay"},
		"an old address":                  {`{"auths":{"https://f.example/v1/":` + login("fay") + `}}`, "", "f.example/x", "fay"},
		"Docker Hub":                      {`{"auths":{"https://index.docker.io/v1/":` + login("hub") + `}}`, "", "docker.io/library/x", "hub"},
		"a helper for one":                {`{"credHelpers":{"a.example":"test"}}`, "", "a.example/x", "ann"},
		"none for another":                {`{"credHelpers":{"a.example":"test"}}`, "", "n.example/x", ""},
		"one without a helper":            {`{"credsStore":"test","credHelpers":{"a.example":""},"auths":{"a.example":` + login("fay") + `}}`, "", "a.example/x", "fay"},
		"a helper for all":                {`{"credsStore":"test","auths":{"a.example":{}}}`, "", "a.example/x", "ann"},
		"a helper before the file":        {`{"credsStore":"test","auths":{"a.example":` + login("fay") + `}}`, "", "a.example/x", "ann"},
		"the environment":                 {`{"credsStore":"test"}`, `{"auths":{"a.example":` + login("eve") + `}}`, "a.example/x", "eve"},
		"a helper where it has nothing":   {`{"credsStore":"test"}`, `{"auths":{"e.example":` + login("eve") + `}}`, "a.example/x", "ann"},
		"nothing":                         {`{}`, "", "a.example/x", ""},
		"a repository that a helper has":  {`{"credsStore":"test","auths":{"n.example/a":{}}}`, "", "n.example/a", ""},
		"a repository with an own helper": {`{"credHelpers":{"n.example/a":"test","n.example":""}}`, "", "n.example/a", ""},
		"a repository beside a helper":    {`{"credHelpers":{"a.example":"test"},"auths":{"a.example/x":` + login("rob") + `}}`, "", "a.example/x", "rob"},
	} {
		withHelper(t, c.config, answers)
		t.Setenv("DOCKER_AUTH_CONFIG", c.env)
		got, err := who(t.Context(), t, DockerLogins(), c.repo)
		library, libraryErr := who(t.Context(), t, authn.DefaultKeychain, c.repo)
		if err != nil || got != c.want || libraryErr != nil || library != c.want {
			t.Errorf("%s: got %q, %v; the library has %q, %v; want %q", what, got, err, library, libraryErr, c.want)
		}
	}
}

func TestPodmansLoginsAreFound(t *testing.T) {
	dir := withHelper(t, "{}", "")
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "nowhere"))
	t.Setenv("HOME", dir)
	for i, variable := range []string{"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
		for _, other := range []string{"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
			t.Setenv(other, "")
		}
		base := filepath.Join(dir, strconv.Itoa(i))
		path := filepath.Join(base, "containers/auth.json")
		os.MkdirAll(filepath.Dir(path), 0o700)
		write(t, path, fmt.Sprintf(`{"auths":{"p.example/team/app":{"auth":%q}}}`, base64.StdEncoding.EncodeToString([]byte(variable+":pw"))))
		if t.Setenv(variable, base); i == 0 {
			t.Setenv(variable, path)
		}
		got, err := who(t.Context(), t, DockerLogins(), "p.example/team/app")
		library, libraryErr := who(t.Context(), t, authn.DefaultKeychain, "p.example/team/app")
		if err != nil || got != variable || libraryErr != nil || library != variable {
			t.Errorf("%s: got %q, %v; the library has %q, %v", variable, got, err, library, libraryErr)
		}
	}
}

func TestAHelperThatHangsIsEnded(t *testing.T) {
	for what, script := range map[string]string{
		"the program itself": "echo $$ >$DIR/pid\nexec sleep 60\n",
		"a child of it":      "sleep 3 &\necho $$ >$DIR/pid\nwait\n",
	} {
		dir := withHelper(t, `{"credsStore":"test"}`, script)
		k := DockerLogins().(*logins)
		k.patience = 300 * time.Millisecond
		began := time.Now()
		_, err := who(t.Context(), t, k, "a.example/x")
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q: asking docker-credential-test about a.example: there is no answer within 300ms", filepath.Join(dir, "config.json"))) {
			t.Errorf("%s: got %v", what, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: it took %s", what, took)
		}
		data, _ := os.ReadFile(filepath.Join(dir, "pid"))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && syscall.Kill(pid, 0) == nil {
			t.Errorf("%s: the helper is still there", what)
		}
		for _, repo := range []string{"a.example/y", "b.example/z"} {
			if _, again := who(t.Context(), t, k, repo); again == nil || len(asked(dir)) != 1 {
				t.Errorf("%s: it is asked again", what)
			}
		}
	}
}

// TestAnInterruptionDoesNotWaitForAHelper has one session that asks, and others that wait
// for it, for the same repository and for another.
func TestAnInterruptionDoesNotWaitForAHelper(t *testing.T) {
	dir := withHelper(t, `{"credsStore":"test"}`, "exec sleep 60\n")
	c := client()
	c.settings.Keychain = DockerLogins()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for _, repo := range []string{"a.example/x", "a.example/x", "a.example/y", "b.example/z"} {
		s := c.Session(repository(t, repo), Pull, Advice{})
		go func() {
			_, err := s.Get(ctx, s.URL("manifests/1"), nil, http.StatusOK)
			ended <- err
		}()
	}
	for asked(dir)[0] == "" {
		time.Sleep(time.Millisecond)
	}
	cancel()
	late := time.After(20 * time.Second)
	for range 4 {
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		case <-late:
			t.Fatal("it waits for the helper")
		}
	}
}

func TestAHelperThatFailsIsNamedWithItsWords(t *testing.T) {
	for what, c := range map[string]struct{ config, script, want, no string }{
		"its words on stdout":       {`{"credsStore":"test"}`, "echo 'the safe is locked'; exit 3", "asking docker-credential-test about a.example: exit status 3: the safe is locked", ""},
		"its words on stderr":       {`{"credsStore":"test"}`, "echo 'no token \x1b[31m' >&2; exit 1", "asking docker-credential-test about a.example: exit status 1: no token  [31m", ""},
		"without a word":            {`{"credsStore":"test"}`, "exit 1", "asking docker-credential-test about a.example: exit status 1 (mend", "``"},
		"an answer all the same":    {`{"credsStore":"test"}`, `echo '{"Username":"ann","Secret":"s3cret"}'; exit 1`, "asking docker-credential-test about a.example: exit status 1 (mend", "s3cret"},
		"an answer that is none":    {`{"credsStore":"test"}`, `echo 's3cret'`, "asking docker-credential-test about a.example: its answer has not the form", "s3cret"},
		"a program that is nowhere": {`{"credHelpers":{"a.example":"nowhere"}}`, "", `asking docker-credential-nowhere about a.example: exec: "docker-credential-nowhere": executable file not found in $PATH`, ""},
		"a broken file":             {`{"auths":`, "", `unexpected EOF (mend that file`, ""},
	} {
		dir := withHelper(t, c.config, c.script)
		client := client()
		client.settings.Keychain = DockerLogins()
		s := client.Session(repository(t, "a.example/x"), Pull, Advice{})
		_, err := s.Get(t.Context(), s.URL("manifests/1"), nil, http.StatusOK)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), strconv.Quote(filepath.Join(dir, "config.json"))) || Temporary(err) {
			t.Errorf("%s:\ngot  %v\nwant %s", what, err, c.want)
		}
		if err != nil && c.no != "" && strings.Contains(err.Error(), c.no) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
