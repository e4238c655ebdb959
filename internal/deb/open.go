package deb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/repository"
)

// maxRelease is far more than any Release, in bytes. Debian's are about 150 KiB.
const maxRelease = 16 << 20

// Open reads what a repository has for one architecture, by Debian's name for it, such
// as amd64 or arm64. Every suite's signature, age and name is checked at the given time,
// then every index by its SHA-256. All suites that cannot be read are in the error.
func Open(ctx context.Context, repo Repository, arch string, fetch Fetcher, now time.Time) (*Index, error) {
	keys, err := repo.check(arch)
	if err != nil {
		return nil, fmt.Errorf("opening the repository %s: %w", repo.URL, err)
	}
	x := newIndex(repo.URL, arch)
	var problems []error
	for _, name := range repo.Suites {
		s := &suite{repo: repo, name: name, arch: arch, fetch: fetch}
		if err := s.read(ctx, x, keys, now); err != nil {
			problems = append(problems, fmt.Errorf("opening the suite %s of %s: %w", name, repo.URL, err))
		}
		if ctx.Err() != nil {
			break // the others would only say the same
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return x, nil
}

// check refuses what cannot be a repository.
func (r Repository) check(arch string) (repository.Keys, error) {
	switch {
	case r.URL == "":
		return repository.Keys{}, errors.New("it has no URL")
	case len(r.Suites) == 0:
		return repository.Keys{}, errors.New("it has no suites, such as \"bookworm\" or, if it is flat, \"/\"")
	case !isName(arch) || arch == "all":
		return repository.Keys{}, fmt.Errorf("%q is no architecture, such as amd64 or arm64", arch)
	case len(r.Keys) == 0:
		return repository.Keys{}, errors.New("it has no keys, and what is not signed is not taken")
	}
	for _, s := range r.Suites {
		switch _, err := repository.CleanFile(strings.TrimPrefix(s, "/") + "x"); {
		case err != nil || s == "":
			return repository.Keys{}, fmt.Errorf("%q is no suite", s)
		case isFlat(s) && len(r.Components) > 0:
			return repository.Keys{}, fmt.Errorf("the suite %q ends with \"/\", so it is flat and has no components", s)
		case !isFlat(s) && len(r.Components) == 0:
			return repository.Keys{}, fmt.Errorf("the suite %q needs components, such as \"main\"; a flat one ends with \"/\"", s)
		}
	}
	return repository.ReadKeys(r.Keys)
}

func isFlat(suite string) bool { return strings.HasSuffix(suite, "/") }

// suite is one that is being read.
type suite struct {
	repo  Repository
	name  string
	arch  string
	fetch Fetcher
}

// url is that of a file of the suite.
func (s *suite) url(file string) string {
	if isFlat(s.name) {
		return repository.Join(s.repo.URL, path.Clean("/" + s.name + file)[1:])
	}
	return repository.Join(s.repo.URL, path.Join("dists", s.name, file))
}

func (s *suite) read(ctx context.Context, x *Index, keys repository.Keys, now time.Time) error {
	r, err := s.release(ctx, keys, now)
	if err != nil {
		return err
	}
	x.Releases = append(x.Releases, r.Release)
	var problems []error
	for _, base := range s.indexes(r, &problems) {
		if err := s.packages(ctx, x, r, base); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// release is the suite's Release, checked.
func (s *suite) release(ctx context.Context, keys repository.Keys, now time.Time) (*release, error) {
	where := s.url("InRelease")
	content, err := s.get(ctx, where, maxRelease)
	var text []byte
	var by []string
	switch {
	case err == nil:
		text, by, err = keys.VerifyClear(content, now)
	case errors.Is(err, fs.ErrNotExist):
		where = s.url("Release")
		text, by, err = s.detached(ctx, keys, now)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	r, err := parseRelease(text)
	if err == nil {
		err = r.judge(s.name, now, s.repo.AnyAge)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	r.URL, r.SHA256, r.SignedBy = where, sha256Hex(text), by
	return r, nil
}

// detached reads a Release whose signature is beside it, the form of old.
func (s *suite) detached(ctx context.Context, keys repository.Keys, now time.Time) (text []byte, by []string, err error) {
	text, err = s.get(ctx, s.url("Release"), maxRelease)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errors.New("the repository has neither this file nor InRelease: the URL or the suite is wrong, or the suite has moved to an archive")
	}
	if err != nil {
		return nil, nil, err
	}
	signature, err := s.get(ctx, s.url("Release.gpg"), maxRelease)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errors.New("it is not signed: there is no Release.gpg beside it, and no InRelease")
	}
	if err != nil {
		return nil, nil, err
	}
	by, err = keys.VerifyDetached(text, signature, now)
	return text, by, err
}

// indexes are the names, without a suffix, of the indexes that have to be read.
func (s *suite) indexes(r *release, problems *[]error) []string {
	if len(r.architectures) > 0 && !slices.Contains(r.architectures, s.arch) && !slices.Equal(r.architectures, []string{"all"}) {
		*problems = append(*problems, fmt.Errorf("%s: the field Architectures has %s, not %s", r.URL, strings.Join(r.architectures, " "), s.arch))
		return nil
	}
	if isFlat(s.name) {
		return []string{"Packages"}
	}
	var bases []string
	for _, c := range s.repo.Components {
		// "main" of security suites is listed as "updates/main", but asked for as "main".
		if len(r.components) > 0 && !slices.Contains(r.components, c) && !slices.Contains(r.components, "updates/"+c) {
			*problems = append(*problems, fmt.Errorf("%s: the field Components has %s, not %s", r.URL, strings.Join(r.components, " "), c))
			continue
		}
		base := func(arch string) string { return path.Join(c, "binary-"+arch, "Packages") }
		// As for apt: a release that does not name "all" has no index of it, listed or not.
		named := len(r.architectures) == 0 || slices.Contains(r.architectures, "all")
		all := named && r.lists(base("all")) && !r.noArchAll
		if !all || r.lists(base(s.arch)) {
			bases = append(bases, base(s.arch))
		}
		if all {
			bases = append(bases, base("all"))
		}
	}
	return bases
}

// packages reads one index, in the first form that the repository has.
func (s *suite) packages(ctx context.Context, x *Index, r *release, base string) error {
	if !r.lists(base) {
		return fmt.Errorf("%s: the field SHA256 has no %s, in no compression", r.URL, base)
	}
	for _, f := range repository.Formats {
		sum, listed := r.files[base+f.Suffix]
		if !listed {
			continue
		}
		where, content, err := s.index(ctx, r, base+f.Suffix, sum)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f.Decompress(content, repository.MaxIndex, x.add)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		return nil
	}
	return fmt.Errorf("%s: it is listed in %s, but gone from the repository: the mirror may be in the middle of an update", s.url(base), r.URL)
}

// index brings an index whose checksum is right, by its hash if the repository has it
// so: then an update of the repository cannot come between it and its Release.
func (s *suite) index(ctx context.Context, r *release, name string, want sum) (where string, content []byte, err error) {
	names := []string{name}
	if r.byHash {
		names = []string{path.Join(path.Dir(name), "by-hash", "SHA256", want.sha256), name}
	}
	for _, n := range names {
		where = s.url(n)
		content, err = s.get(ctx, where, want.size)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return where, nil, err
	}
	if got := sha256Hex(content); int64(len(content)) != want.size || got != want.sha256 {
		return where, nil, fmt.Errorf("it has the SHA-256 %s and %d bytes, but the field SHA256 of %s says %s and %d: the mirror is damaged, or in the middle of an update",
			got, len(content), r.URL, want.sha256, want.size)
	}
	return where, content, nil
}

// get reads a file of a size that is known at most, in bytes.
func (s *suite) get(ctx context.Context, url string, limit int64) (content []byte, err error) {
	body, err := s.fetch(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	content, err = io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return content, err
}
