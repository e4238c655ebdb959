package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/rpm"
)

func (r *resolver) chooseRPMs(ctx context.Context, want plan.PackageSet, set *PackageSet) error {
	var indexes []*rpm.Index
	var problems []error
	named := map[string]string{} // the repositories' names by their addresses
	for i, in := range want.Repositories {
		repository := rpm.Repository{URL: in.URL, Keys: in.Keys, SignedMetadata: in.SignedMetadata, Unsigned: in.Unsigned, Modules: in.Modules, ModuleHotfixes: in.ModuleHotfixes}
		x, err := rpm.Open(ctx, repository, want.RPMArch(), r.repositoryFile, time.Now())
		if err != nil {
			problems = append(problems, fmt.Errorf("repository %s: %w", in.Name, err))
			continue
		}
		set.Repositories[i].Snapshots = []Snapshot{{Revision: x.Release.Revision, SHA256: x.Release.SHA256, SignedBy: x.Release.SignedBy}}
		named[in.URL] = in.Name
		indexes = append(indexes, x)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	baseline, err := rpmBaseline(want, indexes)
	if err != nil {
		return err
	}
	names, err := pinned(want, "-", func(name string) (all []string) {
		for _, x := range indexes {
			all = append(all, x.Versions(name)...)
		}
		return all
	})
	if err != nil {
		return err
	}
	chosen, err := rpm.Resolve(indexes, baseline, rpm.Request{Names: names, Prefer: want.Prefer})
	if err != nil {
		return err
	}
	for _, p := range chosen {
		if p.SHA256 == "" {
			problems = append(problems, fmt.Errorf("repository %s has a SHA-512 of %s, and no SHA-256, by which bundles know their files: take a mirror of it that createrepo_c --checksum sha256 made", named[p.Repository], p))
		}
		set.Packages = append(set.Packages, Package{
			Name: p.Name, Version: p.EVR(), Architecture: p.Architecture, URL: p.URL, Repository: named[p.Repository], SHA256: p.SHA256, Size: p.Size,
		})
	}
	return errors.Join(problems...)
}

func rpmBaseline(want plan.PackageSet, indexes []*rpm.Index) (*rpm.Installed, error) {
	if want.Baseline == nil {
		return rpm.Minimal(indexes)
	}
	return rpm.ReadInstalled(bytes.NewReader(want.Baseline))
}

// CheckSignatures checks that the rpm packages of a lock, which the cache has, are signed
// by the keys of their repositories. Where an index is signed, it has vouched for them, and
// for those of an unsigned repository nobody does.
func CheckSignatures(ctx context.Context, store *cache.Cache, l *Lock, sets []plan.PackageSet) error {
	var problems []error
	for _, set := range l.Packages {
		if !set.RPM() {
			continue
		}
		at := slices.IndexFunc(sets, func(s plan.PackageSet) bool { return s.Place == set.Place })
		if at < 0 {
			return fmt.Errorf("the spec has no packages for %s", set.Place)
		}
		for _, p := range set.Packages {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := p.checkSignature(store, sets[at].Repositories); err != nil {
				problems = append(problems, fmt.Errorf("package %s %s of %s from %s: %w; its signer has to be in packages.systems.%s.repositories.%s.keys, unless signedMetadata is true there, or unsigned",
					p.Name, p.Version, set.Place, p.URL, err, set.System(), p.Repository))
			}
		}
	}
	return errors.Join(problems...)
}

func (p Package) checkSignature(store *cache.Cache, repositories []plan.PackageRepository) error {
	at := slices.IndexFunc(repositories, func(r plan.PackageRepository) bool { return r.Name == p.Repository })
	if at < 0 {
		return fmt.Errorf("the spec has no repository %q, whose keys would have to have signed it", p.Repository)
	}
	if repositories[at].SignedMetadata || repositories[at].Unsigned {
		return nil
	}
	file, err := store.Get(p.Digest())
	if err != nil {
		return err
	}
	defer file.Close() // it is only read
	_, err = rpm.VerifyPackage(file, repositories[at].Keys, time.Now())
	return err
}
