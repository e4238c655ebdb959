package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	program "github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
)

var errSlow = errors.New("there is no answer")

// askHelper runs docker-credential-NAME
// (https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol).
func askHelper(ctx context.Context, name, server string, patience time.Duration) (authn.AuthConfig, error) {
	slow := fmt.Errorf("%w within %s", errSlow, patience)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, slow)
	defer cancel()
	h := &helper{ctx: ctx, name: "docker-credential-" + name}
	got, err := program.Get(func(args ...string) program.Program {
		h.Cmd = exec.CommandContext(ctx, h.name, args...)
		h.WaitDelay = time.Second // its children may hold the pipes
		return h
	}, server)
	switch {
	case credentials.IsErrCredentialsNotFound(err):
		return authn.AuthConfig{}, nil
	case h.err != nil:
		err = h.err
	case err != nil:
		err = errors.New("its answer has not the form of the protocol")
	case got.Username == "<token>":
		return authn.AuthConfig{IdentityToken: got.Secret}, nil
	default:
		return authn.AuthConfig{Username: got.Username, Password: got.Secret}, nil
	}
	return authn.AuthConfig{}, fmt.Errorf("asking %s about %s: %w", h.name, server, err)
}

// helper is a run of the program, which the library drives.
type helper struct {
	*exec.Cmd
	ctx  context.Context
	name string
	err  error // why it failed
}

// Input implements program.Program.
func (h *helper) Input(in io.Reader) { h.Stdin = in }

// Output implements program.Program.
func (h *helper) Output() ([]byte, error) {
	out, err := h.Cmd.Output()
	switch exit, _ := errors.AsType[*exec.ExitError](err); {
	case err == nil:
	case h.ctx.Err() != nil:
		h.err = context.Cause(h.ctx)
	case exit == nil:
		h.err = err
	default:
		// By the protocol the reason is on stdout. What looks like an answer is not for
		// the eyes.
		said := exit.Stderr
		if !bytes.Contains(out, []byte("{")) {
			said = append(append(said, ' '), out...)
		}
		h.err = err
		if words := strings.TrimSpace(string(said)); words != "" {
			h.err = fmt.Errorf("%w: %s", err, Printable(words))
		}
	}
	return out, err
}
