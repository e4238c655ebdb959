package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// logins are the credentials of the docker configuration. authn.DefaultKeychain, which
// finds the same, runs a helper program once or twice for each repository, waits for it
// for ever whatever becomes of the context, and lets it write on the terminal.
type logins struct {
	// patience is how long a helper may take.
	patience time.Duration

	turn  chan struct{} // has room for the one who looks something up
	file  *loginFile
	known map[string]found
}

// loginFile is what login commands have left.
type loginFile struct {
	*configfile.ConfigFile
	path string           // "" if there is none
	slow map[string]error // helpers that did not answer, and will not be waited for again
}

type found struct {
	auth authn.AuthConfig
	err  error
}

// DockerLogins has the credentials that docker login or podman login left in a file
// or with a helper program, each of which is asked once for a registry.
func DockerLogins() authn.Keychain {
	return &logins{patience: 30 * time.Second, turn: make(chan struct{}, 1), known: map[string]found{}}
}

// Resolve implements authn.Keychain.
func (l *logins) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return l.ResolveContext(context.Background(), target)
}

// ResolveContext implements authn.ContextKeychain.
func (l *logins) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.file == nil {
		file, err := openLogins()
		if err != nil {
			return nil, &keychainError{file.path, "mend that file, or log in anew", err}
		}
		l.file = file
	}
	// podman has logins for single repositories too.
	for _, key := range []string{target.String(), target.RegistryStr()} {
		if key == name.DefaultRegistry {
			key = authn.DefaultAuthKey
		}
		auth, err := l.lookUp(ctx, key, key == target.String() && key != target.RegistryStr())
		if err != nil || auth != (authn.AuthConfig{}) {
			return authn.FromConfig(auth), err
		}
	}
	return authn.Anonymous, nil
}

// lookUp asks for each key once, whatever comes of it, unless the context has ended.
func (l *logins) lookUp(ctx context.Context, key string, repository bool) (authn.AuthConfig, error) {
	f, ok := l.known[key]
	if !ok {
		f.auth, f.err = l.file.lookUp(ctx, key, repository, l.patience)
		if ctx.Err() != nil {
			return authn.AuthConfig{}, ctx.Err()
		}
		l.known[key] = f
	}
	return f.auth, f.err
}

func (f *loginFile) lookUp(ctx context.Context, key string, repository bool, patience time.Duration) (authn.AuthConfig, error) {
	helper := f.helper(key, repository)
	// Without helpers the library looks into the environment ($DOCKER_AUTH_CONFIG), which
	// comes before all else, and then into the file, which comes after them.
	plain := *f.ConfigFile
	plain.CredentialsStore, plain.CredentialHelpers = "", nil
	if helper != "" {
		plain.AuthConfigs = nil
	}
	auth, err := plain.GetAuthConfig(key)
	if err != nil {
		return authn.AuthConfig{}, &keychainError{f.path, "mend that file, or log in anew", err}
	}
	if auth.ServerAddress = ""; auth == (types.AuthConfig{}) && helper != "" {
		if f.slow[helper] != nil {
			return authn.AuthConfig{}, f.slow[helper]
		}
		found, err := askHelper(ctx, helper, key, patience)
		slow := errors.Is(err, errSlow)
		if err != nil {
			err = &keychainError{f.path, "mend the helper, or take it out of credHelpers and credsStore there", err}
		}
		if slow {
			f.slow[helper] = err
		}
		return found, err
	}
	return authn.AuthConfig{Username: auth.Username, Password: auth.Password, Auth: auth.Auth, IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken}, nil
}

// helper is the program that the file names for a key. One that is for all registries
// knows of single repositories only what a login for one has noted in the file.
func (f *loginFile) helper(key string, repository bool) string {
	if own, ok := f.CredentialHelpers[key]; ok {
		return own
	}
	if _, noted := f.AuthConfigs[key]; repository && !noted {
		return ""
	}
	return f.CredentialsStore
}

// openLogins reads the first file that is there of those that authn.DefaultKeychain knows:
// docker's, and podman's.
func openLogins() (*loginFile, error) {
	home, _ := os.UserHomeDir()
	docker := os.Getenv(config.EnvOverrideConfigDir)
	if docker == "" {
		docker = filepath.Join(home, ".docker")
	}
	podman := os.Getenv("XDG_CONFIG_HOME")
	if podman == "" {
		podman = filepath.Join(home, ".config")
	}
	paths := []string{filepath.Join(docker, config.ConfigFileName), os.Getenv("REGISTRY_AUTH_FILE")}
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		paths = append(paths, filepath.Join(runtime, "containers/auth.json"))
	}
	for _, path := range append(paths, filepath.Join(podman, "containers/auth.json")) {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		in, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return &loginFile{path: path}, err
		}
		defer in.Close()
		file, err := config.LoadFromReader(in)
		return &loginFile{file, path, map[string]error{}}, err
	}
	return &loginFile{ConfigFile: configfile.New("")}, nil
}

// keychainError says that the file with the credentials or a helper of it is broken.
type keychainError struct {
	path, hint string
	err        error
}

func (e *keychainError) Error() string {
	return fmt.Sprintf("reading credentials from the docker configuration %q: %v", e.path, e.err)
}

func (e *keychainError) Unwrap() error { return e.err }
