package side

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// openRevision opens what lies at a path of a commit. It is copied out of the object
// store into a directory of its own, and then opened as anything else.
//
// As in git itself, the path is that from the top of the repository, unless it begins
// with ./ or ../. The repository is that of the working directory.
func (o *Opener) openRevision(ctx context.Context, arg, rev, name string) (*Side, error) {
	s, err := o.readRevision(ctx, arg, rev, name)
	if err != nil && ctx.Err() == nil && !strings.HasPrefix(err.Error(), arg) {
		err = fmt.Errorf("opening %s: %w", arg, err)
	}
	return s, err
}

func (o *Opener) readRevision(ctx context.Context, arg, rev, name string) (*Side, error) {
	if err := checkRevision(rev); err != nil {
		return nil, err
	}
	commit, err := resolve(ctx, rev)
	if err != nil {
		return nil, err
	}
	name, err = fromTop(ctx, name)
	if err != nil {
		return nil, err
	}
	list, err := listTree(ctx, commit)
	if err != nil {
		return nil, err
	}
	taken, err := list.below(name)
	if err != nil {
		return nil, fmt.Errorf("%w at %s (%s)", err, rev, commit[:12])
	}
	dir, err := os.MkdirTemp("", "satchel-diff-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := copyOut(ctx, taken.files, dir); err != nil {
		return nil, err
	}
	s, err := o.openLocal(ctx, arg, filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, renamed(err, dir, rev, taken.links)
	}
	s.Revision = commit
	return s, nil
}

// checkRevision refuses what git would not take for the name of a commit.
func checkRevision(rev string) error {
	switch {
	case rev == "":
		return errors.New("REV is empty; give REV:PATH, such as HEAD:clusters/prod")
	case strings.HasPrefix(rev, "-"):
		return fmt.Errorf("%q is no revision: it begins with '-'", rev)
	case strings.ContainsFunc(rev, unicode.IsControl):
		return fmt.Errorf("%q is no revision: it has a control character", rev)
	}
	return nil
}

// resolve gives the full name of the commit. After it no word of the user's gets to git.
func resolve(ctx context.Context, rev string) (string, error) {
	out, err := git(ctx, "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	commit := strings.TrimSpace(string(out))
	if err != nil {
		if _, outside := git(ctx, "rev-parse", "--git-dir"); outside != nil {
			return "", outside
		}
		return "", fmt.Errorf("the repository has no commit %q; fetch it, or name another (a shallow clone has few: git fetch --unshallow)", rev)
	}
	if !isObjectName(commit) {
		return "", fmt.Errorf("git gave %q as the name of a commit", commit)
	}
	return commit, nil
}

// fromTop makes a path one from the top of the repository.
func fromTop(ctx context.Context, name string) (string, error) {
	if name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		prefix, err := git(ctx, "rev-parse", "--show-prefix")
		if err != nil {
			return "", err
		}
		name = path.Join(strings.TrimSuffix(string(prefix), "\n"), name)
	}
	name = path.Clean(name)
	if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
		return "", fmt.Errorf("the path %q is outside the repository; it is taken from its top, or with ./ from the working directory", name)
	}
	return name, nil
}

// renamed says the revision where an error says the directory of the copy.
func renamed(err error, dir, rev string, links []string) error {
	text := err.Error()
	for _, at := range []string{dir + "/", dir} {
		text = strings.ReplaceAll(text, at, rev+":")
	}
	// Messages may have the path from the working directory.
	if wd, errWD := os.Getwd(); errWD == nil {
		if relative, errRel := filepath.Rel(wd, dir); errRel == nil {
			text = strings.ReplaceAll(text, relative+"/", rev+":")
		}
	}
	if len(links) > 0 {
		text += fmt.Sprintf("\n(symbolic links and submodules of a revision are left out: %s)", strings.Join(links[:min(len(links), 5)], ", "))
	}
	return errors.New(text)
}
