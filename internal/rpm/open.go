package rpm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/repository"
)

const (
	// maxRepomd is far more than any repomd.xml, in bytes. They have some KiB.
	maxRepomd = 4 << 20
	// maxCompressed is how large an index may be as it is fetched, in bytes.
	maxCompressed = 512 << 20
)

// Open reads what a repository has for one architecture, by RPM's name for it, such as
// x86_64 or aarch64. The signature of repomd.xml is checked at the given time if it should
// be signed, then every index by its checksum.
//
// The lists of all files are fetched only when [Resolve] comes to need them, so the
// context and the fetcher should live until then.
func Open(ctx context.Context, repo Repository, arch string, fetch Fetcher, now time.Time) (*Index, error) {
	keys, err := repo.check(arch)
	if err != nil {
		return nil, fmt.Errorf("opening the repository %s: %w", repo.URL, err)
	}
	s := &source{repo: repo, fetch: fetch}
	x := newIndex(repo.URL, arch)
	x.enabled, x.hotfixes = slices.Clone(repo.Modules), repo.ModuleHotfixes
	if err := s.read(ctx, x, keys, now); err != nil {
		return nil, fmt.Errorf("opening the repository %s: %w", repo.URL, err)
	}
	return x, nil
}

// check refuses what cannot be a repository.
func (r Repository) check(arch string) (repository.Keys, error) {
	switch {
	case r.URL == "":
		return repository.Keys{}, errors.New("it has no URL")
	case strings.Contains(r.URL, "$"):
		return repository.Keys{}, errors.New("its URL has a variable, such as $basearch: write what it stands for")
	case !isName(arch) || arch == "noarch" || arch == "src":
		return repository.Keys{}, fmt.Errorf("%q is no architecture, such as x86_64 or aarch64", arch)
	case r.Unsigned && (len(r.Keys) > 0 || r.SignedMetadata):
		return repository.Keys{}, errors.New("it is said to be unsigned, and has keys or signed metadata")
	case len(r.Keys) == 0 && !r.Unsigned:
		return repository.Keys{}, errors.New("it has no keys, and what is not signed is not taken")
	}
	for _, m := range r.Modules {
		if err := checkModule(m); err != nil {
			return repository.Keys{}, err
		}
	}
	if r.Unsigned {
		return repository.Keys{}, nil
	}
	return repository.ReadKeys(r.Keys)
}

// source is a repository that is being read.
type source struct {
	repo  Repository
	fetch Fetcher
	md    *repomd
}

func (s *source) url(file string) string { return repository.Join(s.repo.URL, file) }

func (s *source) read(ctx context.Context, x *Index, keys repository.Keys, now time.Time) (err error) {
	if s.md, err = s.repomd(ctx, keys, now); err != nil {
		return err
	}
	x.Release = s.md.Release
	others := map[string]int{}
	err = s.data(ctx, "primary", func(r io.Reader) error { return x.addCounting(r, others) })
	if err != nil {
		return err
	}
	if x.Len() == 0 && len(others) > 0 {
		return fmt.Errorf("%s: in no <arch> is there %s or noarch, but %s", s.url(s.md.data["primary"].href), x.Arch, strings.Join(slices.Sorted(maps.Keys(others)), ", "))
	}
	x.words = nil
	if group := s.md.group(); group != "" {
		err = s.data(ctx, group, func(r io.Reader) (err error) {
			x.core, err = readCore(r)
			return err
		})
	}
	if _, ok := s.md.data["modules"]; ok && err == nil {
		err = s.data(ctx, "modules", func(r io.Reader) (err error) {
			x.modules, err = readModules(r)
			return err
		})
	}
	if _, ok := s.md.data["filelists"]; ok && err == nil {
		x.lists.read = func(wanted map[string]bool) (owners map[string][]int32, err error) {
			err = s.data(ctx, "filelists", func(r io.Reader) (err error) {
				owners, err = x.readFileLists(r, wanted)
				return err
			})
			return owners, err
		}
	}
	return err
}

// group is the file of groups that the repository has, compressed if it can be.
func (m *repomd) group() string {
	for _, kind := range []string{"group_zst", "group_gz", "group_xz", "group"} {
		if _, ok := m.data[kind]; ok {
			return kind
		}
	}
	return ""
}

// repomd is the repository's repomd.xml, checked.
func (s *source) repomd(ctx context.Context, keys repository.Keys, now time.Time) (*repomd, error) {
	where := s.url("repodata/repomd.xml")
	text, err := s.get(ctx, where, maxRepomd)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: the repository does not have this file: its URL is wrong, or it has moved to an archive", where)
	}
	var by []string
	if err == nil && s.repo.SignedMetadata {
		by, err = s.signed(ctx, where+".asc", text, keys, now)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	m, err := parseRepomd(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	m.URL, m.SHA256, m.SignedBy = where, sha256Hex(text), by
	return m, nil
}

func (s *source) signed(ctx context.Context, where string, text []byte, keys repository.Keys, now time.Time) ([]string, error) {
	signature, err := s.get(ctx, where, maxRepomd)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it is not signed: there is no %s beside it", where)
	}
	if err != nil {
		return nil, err
	}
	return keys.VerifyDetached(text, signature, now)
}

// data brings a file that repomd.xml lists, and gives it to a function that reads it to
// its end.
func (s *source) data(ctx context.Context, kind string, read func(io.Reader) error) error {
	f := s.md.data[kind]
	where := s.url(f.href)
	limit := int64(maxCompressed)
	if f.size >= 0 {
		limit = min(limit, f.size)
	}
	content, err := s.get(ctx, where, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: it is listed in %s, but gone from the repository: the mirror may be in the middle of an update", where, s.md.URL)
	case errors.Is(err, errLong) && f.size >= 0:
		err = fmt.Errorf("%w, which is what <data type=%q><size> of %s says", err, kind, s.md.URL)
	}
	if err == nil {
		err = f.check(content, s.md.URL)
	}
	var form repository.Format
	if err == nil {
		form, err = f.format()
	}
	if err == nil {
		err = s.decompress(f, form, content, read)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}

// check compares a file with what repomd.xml says of it.
func (f data) check(content []byte, by string) error {
	h := f.sum.new()
	h.Write(content)
	got := hex.EncodeToString(h.Sum(nil))
	if got != f.sum.hex || f.size >= 0 && f.size != int64(len(content)) {
		size := ""
		if f.size >= 0 {
			size = fmt.Sprintf(" and %d", f.size)
		}
		return fmt.Errorf("it has the %s %s and %d bytes, but <data type=%q> of %s says %s%s: the mirror is damaged, or in the middle of an update",
			f.sum.kind, got, len(content), f.kind, by, f.sum.hex, size)
	}
	return nil
}

func (s sum) new() hash.Hash {
	if s.kind == "sha512" {
		return sha512.New()
	}
	return sha256.New()
}

// decompress reads content, and checks what it is when decompressed.
func (s *source) decompress(f data, form repository.Format, content []byte, read func(io.Reader) error) error {
	return form.Decompress(content, repository.MaxIndex, func(r io.Reader) error {
		h := f.openSum.new()
		if f.openSum.hex != "" {
			r = io.TeeReader(r, h)
		}
		if err := read(r); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); f.openSum.hex != "" && got != f.openSum.hex {
			return fmt.Errorf("when decompressed it has the %s %s, but <data type=%q><open-checksum> of %s says %s", f.openSum.kind, got, f.kind, s.md.URL, f.openSum.hex)
		}
		return nil
	})
}

// errLong is a file that has more than it should.
var errLong = errors.New("more than")

// get reads a file of a size that is known at most, in bytes.
func (s *source) get(ctx context.Context, url string, limit int64) (content []byte, err error) {
	body, err := s.fetch(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	content, err = io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it has %w %d bytes", errLong, limit)
	}
	return content, err
}
