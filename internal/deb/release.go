package deb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/satchel-kit/satchel/internal/repository"
)

// release is a parsed Release file.
type release struct {
	Release
	architectures, components []string
	byHash, noArchAll         bool
	files                     map[string]sum
}

// sum is what a Release says of a file.
type sum struct {
	sha256 string
	size   int64
}

// lists tells whether there is an index of this name, in any compression.
func (r *release) lists(base string) bool {
	return slices.ContainsFunc(repository.Formats, func(f repository.Format) bool {
		_, ok := r.files[base+f.Suffix]
		return ok
	})
}

// parseRelease reads the fields of a Release that was verified. Only its SHA256 sums
// are taken: MD5 and SHA-1 prove nothing any more.
func parseRelease(text []byte) (*release, error) {
	s := newStanzas(bytes.NewReader(text))
	stanza, err := s.next()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	}
	if err != nil {
		return nil, err
	}
	r := &release{}
	sums := false
	err = eachField(string(stanza), func(name, value string) (err error) {
		switch name {
		case "Suite":
			r.Suite = value
		case "Codename":
			r.Codename = value
		case "Date":
			r.Date, err = parseDate(value)
		case "Valid-Until":
			r.ValidUntil, err = parseDate(value)
		case "Architectures":
			r.architectures = strings.Fields(value)
		case "Components":
			r.components = strings.Fields(value)
		case "Acquire-By-Hash":
			r.byHash = value == "yes"
		case "No-Support-for-Architecture-all":
			r.noArchAll = value == "Packages"
		case "SHA256":
			if sums {
				return errors.New("there are two fields SHA256")
			}
			sums = true
			r.files, err = parseSums(value)
		}
		if err != nil {
			return fmt.Errorf("reading the field %s: %w", name, err)
		}
		return nil
	})
	if err == nil && !sums {
		err = errors.New("it has no field SHA256, and older checksums are not trusted")
	}
	return r, err
}

// parseDate reads the dates of Release files, which are those of RFC 5322 in UTC. Some
// tools write them with a day of one digit.
func parseDate(value string) (time.Time, error) {
	for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 MST", "Mon, _2 Jan 2006 15:04:05 -0700"} {
		t, err := time.Parse(layout, value)
		if _, offset := t.Zone(); err == nil && (offset != 0 || t.Location() == time.UTC || slices.Contains([]string{"UTC", "GMT", "Z"}, t.Location().String())) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is no date such as %q", value, time.RFC1123)
}

func parseSums(value string) (map[string]sum, error) {
	files := map[string]sum{}
	for line := range strings.Lines(value) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 || !isSHA256(f[0]) {
			return nil, fmt.Errorf("%.100q is no line of a SHA-256 sum, a size and a name", strings.TrimSpace(line))
		}
		size, err := parseSize(f[1])
		if err != nil {
			return nil, err
		}
		name := path.Clean(f[2])
		known, twice := files[name]
		if one := (sum{f[0], size}); twice && known != one {
			return nil, fmt.Errorf("there are two sums of %s", name)
		}
		files[name] = sum{f[0], size}
	}
	return files, nil
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && strings.ToLower(s) == s
}

// judge tells what speaks against a release at a time.
func (r *release) judge(suite string, now time.Time, anyAge bool) error {
	switch {
	case r.Date.IsZero():
		return errors.New("it has no field Date, so it could be of any age")
	case r.Date.After(now.Add(repository.ClockSkew)):
		return fmt.Errorf("it is of %s, which is in the future: check this machine's clock, which says %s", repository.Stamp(r.Date), repository.Stamp(now))
	case !anyAge && !r.ValidUntil.IsZero() && now.After(r.ValidUntil):
		return fmt.Errorf("it was valid until %s: the mirror is no longer updated, or it is a snapshot, which has to be allowed for by name", repository.Stamp(r.ValidUntil))
	}
	// A suite's Release, well signed, in place of another's would move a site to
	// other packages without anybody seeing it.
	name := strings.TrimSuffix(suite, "/")
	known := slices.DeleteFunc([]string{r.Suite, r.Codename}, func(s string) bool { return s == "" })
	if strings.HasSuffix(suite, "/") || len(known) == 0 || slices.Contains(known, name) {
		return nil
	}
	if before, _, ok := strings.Cut(name, "/"); ok && slices.Contains(known, before) {
		return nil // "buster/updates" calls itself "buster"
	}
	return fmt.Errorf("it is of the suite %s, not of %s", strings.Join(known, " or "), strconv.Quote(suite))
}
