package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/deb"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/upstream"
)

// indexLimit is several times the largest index of today's distributions, in bytes.
const indexLimit = 512 << 20

// packages chooses the packages of a set from its repositories as they are now.
func (r *resolver) packages(ctx context.Context, want plan.PackageSet) (set PackageSet, err error) {
	bar := r.bars.Start("packages of "+want.Place, 0)
	defer func() { bar.Done(err) }()
	set = asked(want)
	choose := r.chooseDebs
	if want.RPM() {
		choose = r.chooseRPMs
	}
	err = choose(ctx, want, &set)
	if err != nil {
		return PackageSet{}, fmt.Errorf("locking the packages of %s: %w", want.Place, err)
	}
	sortPackages(set.Packages)
	return set, nil
}

// repositoryFile brings a file of a repository. Whoever asks checks it.
func (r *resolver) repositoryFile(ctx context.Context, url string) (io.ReadCloser, error) {
	data, err := r.client.Text(ctx, url, indexLimit)
	if upstream.NotFound(err) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (r *resolver) chooseDebs(ctx context.Context, want plan.PackageSet, set *PackageSet) error {
	var indexes []*deb.Index
	var problems []error
	for i, in := range want.Repositories {
		repository := deb.Repository{URL: in.URL, Suites: in.Suites, Components: in.Components, Keys: in.Keys, AnyAge: in.AnyAge}
		x, err := deb.Open(ctx, repository, want.Arch, r.repositoryFile, time.Now())
		if err != nil {
			problems = append(problems, fmt.Errorf("repository %s: %w", in.Name, err))
			continue
		}
		for n, release := range x.Releases { // one for each suite, in their order
			set.Repositories[i].Snapshots = append(set.Repositories[i].Snapshots,
				Snapshot{Suite: in.Suites[n], Date: release.Date.UTC(), SHA256: release.SHA256, SignedBy: release.SignedBy})
		}
		indexes = append(indexes, x)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	baseline, err := debBaseline(want, indexes)
	if err != nil {
		return err
	}
	names, err := pinned(want, "=", func(name string) (all []string) {
		for _, x := range indexes {
			all = append(all, x.Versions(name)...)
		}
		return all
	})
	if err != nil {
		return err
	}
	chosen, err := deb.Resolve(indexes, baseline, deb.Request{Names: names, Prefer: want.Prefer})
	for _, p := range chosen {
		set.Packages = append(set.Packages, Package{
			Name: p.Name, Version: p.Version, Architecture: p.Architecture, URL: p.URL, SHA256: p.SHA256, Size: p.Size,
		})
	}
	return err
}

func debBaseline(want plan.PackageSet, indexes []*deb.Index) (*deb.Installed, error) {
	if want.Baseline == nil {
		return deb.Minimal(indexes)
	}
	return deb.ReadInstalled(bytes.NewReader(want.Baseline))
}

// pinned are the names to ask for: where the spec says upstream's version, with the
// first of the packages' versions that is one of it.
func pinned(want plan.PackageSet, is string, versions func(name string) []string) ([]string, error) {
	var names []string
	var problems []error
	for _, name := range want.Names {
		pin := want.Pinned(name)
		if pin == "" {
			names = append(names, name)
			continue
		}
		all, version := versions(name), ""
		for _, v := range all {
			if version == "" && isOf(v, pin) {
				version = v
			}
		}
		switch {
		case len(all) == 0:
			problems = append(problems, fmt.Errorf("no repository has a package %s, which is wanted in version %s", name, pin))
		case version == "":
			problems = append(problems, fmt.Errorf("no repository has %s in version %s; there is %s", name, pin, strings.Join(all, ", ")))
		default:
			names = append(names, name+is+version)
		}
	}
	return names, errors.Join(problems...)
}

// isOf tells whether a package's version is one of upstream's: without epoch and
// revision it is the same, or goes on with what a distribution adds, as in 1.6.20~ds1.
func isOf(version, upstream string) bool {
	if _, after, epoch := strings.Cut(version, ":"); epoch {
		version = after
	}
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		version = version[:i]
	}
	rest, ok := strings.CutPrefix(version, upstream)
	return ok && (rest == "" || strings.ContainsRune("~+", rune(rest[0])))
}
