package bundle

import (
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/deb"
	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/rpm"
)

// packageItems has the packages, and the indexes that make a repository of each set.
func packageItems(sets []lock.PackageSet, store *cache.Cache) ([]item, error) {
	var items []item
	var problems []error
	for _, set := range sets {
		for _, p := range set.Packages {
			items = append(items, item{
				File: File{Path: path.Join(set.Dir(), set.File(p)), Size: p.Size, SHA256: p.SHA256, Mode: Plain},
				use:  fmt.Sprintf("package %q of %s from %s", p.Name, set.Place, p.URL),
			})
		}
		indexes, err := repository(set, store)
		if err != nil {
			problems = append(problems, fmt.Errorf("making the repository of %s: %w", set.Place, err))
		}
		items = append(items, indexes...)
	}
	return items, errors.Join(problems...)
}

// repository are the indexes, made from what the packages say themselves.
func repository(set lock.PackageSet, store *cache.Cache) ([]item, error) {
	if set.RPM() {
		return rpmRepository(set, store)
	}
	var files []deb.PackageFile
	for _, p := range set.Packages {
		open := func() (io.ReadCloser, error) { return store.Get(p.Digest()) }
		files = append(files, deb.PackageFile{Path: set.File(p), SHA256: p.SHA256, Size: p.Size, Open: open})
	}
	indexes, err := deb.WriteRepository(files, set.Place)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, index := range indexes {
		items = append(items, atHand(path.Join(set.Dir(), index.Path), Plain, index.Data))
	}
	return items, nil
}

func rpmRepository(set lock.PackageSet, store *cache.Cache) ([]item, error) {
	var files []rpm.PackageFile
	for _, p := range set.Packages {
		open := func() (io.ReadCloser, error) { return store.Get(p.Digest()) }
		files = append(files, rpm.PackageFile{Path: set.File(p), SHA256: p.SHA256, Size: p.Size, Open: open})
	}
	indexes, err := rpm.WriteRepository(files)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, index := range indexes {
		items = append(items, atHand(path.Join(set.Dir(), index.Path), Plain, index.Data))
	}
	return items, nil
}
