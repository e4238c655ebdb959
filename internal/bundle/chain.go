package bundle

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// chain is a bundle and deltas, each made for what the ones before it lead to.
type chain []*source

func openChain(ctx context.Context, paths []string) (chain, error) {
	var c chain
	for _, path := range paths {
		s, err := open(ctx, path)
		if err != nil {
			return nil, err
		}
		c = append(c, s)
	}
	return c, nil
}

// last leads to where the chain leads.
func (c chain) last() *source { return c[len(c)-1] }

// check makes sure that the chain begins with a bundle, that each delta was made for
// what is before it, and that nothing is missing there.
func (c chain) check() error {
	first := c[0].manifest
	if first.Since != nil {
		return fmt.Errorf("%q is a delta and has not all of a bundle: name the bundle that it was made for before it, %s", c[0].path, first.Since)
	}
	for i := range c[1:] {
		if err := c.checkLink(i + 1); err != nil {
			return err
		}
	}
	return nil
}

// checkLink looks at the delta with number i and what is before it.
func (c chain) checkLink(i int) error {
	delta, before := c[i], c[i-1]
	since := delta.manifest.Since
	if since == nil {
		return fmt.Errorf("%q is a bundle of its own and no delta: it needs nothing before it", delta.path)
	}
	missing, of := c.missing(i)
	lacks := ""
	if len(missing) > 0 {
		lacks = fmt.Sprintf("; of the %d files that the delta leaves to its base, this lacks %d:%s", of, len(missing), shown(missing))
	}
	if !since.fits(before.whole, before.identity) {
		return fmt.Errorf("%q is a delta of %s, and %q before it is %s %s (bundle.json %s, lock %s)%s", delta.path, since,
			before.path, before.whole.Name, before.whole.Version, before.identity, before.whole.Lock, lacks)
	}
	if lacks != "" {
		return fmt.Errorf("%q is a delta of %s, which %q is%s", delta.path, since, before.path, lacks)
	}
	return nil
}

// missing lists what the delta with number i leaves to what is before it and is not
// there, or not with that size, and tells how many files it leaves to it in all.
func (c chain) missing(i int) (missing []string, of int) {
	have := map[string]int64{}
	for _, file := range c[i-1].manifest.Files {
		have[file.SHA256] = file.Size
	}
	m := c[i].manifest
	for _, file := range m.Files {
		if !file.Base {
			continue
		}
		of++
		if size, found := have[file.SHA256]; !found {
			missing = append(missing, m.describe(file))
		} else if size != file.Size {
			missing = append(missing, fmt.Sprintf("%s with %d bytes: there it has %d", m.describe(file), file.Size, size))
		}
	}
	return missing, of
}

// describe says what a file is: its digest, and its path or, of a blob, which images
// need it.
func (m *Manifest) describe(file File) string {
	digest := "sha256:" + file.SHA256
	if !strings.HasPrefix(file.Path, blobsDir) {
		return digest + " " + file.Path
	}
	var users []string
	for _, image := range m.Images {
		if slices.Contains(image.blobs(), digest) {
			users = append(users, image.Name)
		}
	}
	if len(users) == 0 {
		return digest + " of no image"
	}
	what := digest + " of image " + users[0]
	if more := len(users) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	return what
}

// linesShown is how many missing files an error names, a line each.
const linesShown = 10

func shown(lines []string) string {
	var out strings.Builder
	for _, line := range lines[:min(linesShown, len(lines))] {
		out.WriteString("\n  " + line)
	}
	if more := len(lines) - linesShown; more > 0 {
		fmt.Fprintf(&out, "\n  and %d more", more)
	}
	return out.String()
}

// origin finds who has the content of a file of the bundle that the chain leads to: the
// number in the chain, and the path there.
func (c chain) origin(file File) (number int, path string) {
	number = len(c) - 1
	for file.Base {
		number--
		file = c[number].content(file.SHA256)
	}
	return number, file.Path
}

// content is a file with that content, if possible one that is not left to a base.
func (s *source) content(digits string) File {
	if s.contents == nil {
		s.contents = map[string]File{}
		for _, file := range s.manifest.Files {
			if other, found := s.contents[file.SHA256]; !found || other.Base {
				s.contents[file.SHA256] = file
			}
		}
	}
	return s.contents[digits]
}
