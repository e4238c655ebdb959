package side

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"
)

// command is git reading its object store and nothing else: no prompt, no lock file,
// and no network, which a partial clone would ask for what it lacks.
func command(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"--no-pager", "-c", "protocol.allow=never", "-c", "core.fsmonitor=false"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_NO_REPLACE_OBJECTS=1")
	return cmd
}

// git runs it to its end.
func git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := command(ctx, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := failure(ctx, cmd.Run(), said.String())
	return out.Bytes(), err
}

// failure says why git failed, in its own words.
func failure(ctx context.Context, err error, said string) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("a git revision needs the program git, which is not installed")
	}
	said = strings.TrimPrefix(strings.TrimSpace(said), "fatal: ")
	if strings.HasPrefix(said, "not a git repository") {
		return errors.New("the working directory is not in a git repository; a revision, REV:PATH, is looked up there")
	}
	if said == "" {
		said = err.Error()
	}
	return fmt.Errorf("git says: %s", said)
}

// listTree lists everything that a commit has.
func listTree(ctx context.Context, commit string) (listing, error) {
	out, err := git(ctx, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	return parseListing(out)
}

// copyOut writes the files below dir. Contents come as git keeps them: no filter, no
// conversion and no attribute of the repository has a say.
func copyOut(ctx context.Context, files []object, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	cmd := command(ctx, "cat-file", "--batch")
	var ask, said bytes.Buffer
	for _, f := range files {
		fmt.Fprintln(&ask, f.name)
	}
	cmd.Stdin, cmd.Stderr = &ask, &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return failure(ctx, err, "")
	}
	answers := bufio.NewReader(out)
	for _, f := range files {
		if err = writeObject(root, f, answers); err != nil {
			break
		}
	}
	out.Close()
	if ended := cmd.Wait(); err == nil {
		err = failure(ctx, ended, said.String())
	}
	return err
}

func writeObject(root *os.Root, f object, answers *bufio.Reader) error {
	size, err := readAnswer(answers, f.name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.path, err)
	}
	if err := root.MkdirAll(path.Dir(f.path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if f.exec {
		mode = 0o755
	}
	w, err := root.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.CopyN(w, answers, size)
	if err = errors.Join(err, w.Chmod(mode), w.Close()); err != nil {
		return fmt.Errorf("copying %s: %w", f.path, err)
	}
	if end, err := answers.ReadByte(); err != nil || end != '\n' {
		return fmt.Errorf("git ended %s in another way than it said", f.path)
	}
	return nil
}
