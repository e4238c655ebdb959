package rpm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/repository"
)

// repomd is a parsed repomd.xml.
type repomd struct {
	Release
	data map[string]data
}

// data is what a repomd.xml says of a file.
type data struct {
	kind, href   string
	sum, openSum sum
	size         int64 // -1 if it is not said
}

// sum is a checksum of a kind that is still worth its name.
type sum struct {
	kind, hex string
}

type xmlRepomd struct {
	XMLName  xml.Name `xml:"repomd"`
	Revision string   `xml:"revision"`
	Data     []struct {
		Type         string  `xml:"type,attr"`
		Checksum     xmlSum  `xml:"checksum"`
		OpenChecksum *xmlSum `xml:"open-checksum"`
		Location     struct {
			Href string `xml:"href,attr"`
			Base string `xml:"base,attr"`
		} `xml:"location"`
		Size *string `xml:"size"`
	} `xml:"data"`
}

type xmlSum struct {
	Type string `xml:"type,attr"`
	Hex  string `xml:",chardata"`
}

// kinds are the data that are read, by their names in repomd.xml. What is not among them
// need not be in order.
var kinds = []string{"primary", "filelists", "group", "group_gz", "group_xz", "group_zst", "modules"}

// parseRepomd reads a repomd.xml.
func parseRepomd(r io.Reader) (*repomd, error) {
	var x xmlRepomd
	d := xml.NewDecoder(r)
	if err := d.Decode(&x); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		return nil, fmt.Errorf("it is no repomd.xml: %w", err)
	}
	m := &repomd{Release: Release{Revision: strings.TrimSpace(x.Revision)}, data: map[string]data{}}
	for _, one := range x.Data {
		if !slices.Contains(kinds, one.Type) {
			continue
		}
		f := data{kind: one.Type, size: -1}
		var err error
		if f.sum, err = one.Checksum.sum(); err != nil {
			return nil, fmt.Errorf("<data type=%q><checksum>: %w", one.Type, err)
		}
		if one.OpenChecksum != nil {
			if f.openSum, err = one.OpenChecksum.sum(); err != nil {
				return nil, fmt.Errorf("<data type=%q><open-checksum>: %w", one.Type, err)
			}
		}
		if one.Size != nil {
			if f.size, err = parseSize(strings.TrimSpace(*one.Size)); err != nil {
				return nil, fmt.Errorf("<data type=%q><size>: %w", one.Type, err)
			}
		}
		f.href, err = repository.CleanFile(one.Location.Href)
		if err == nil && one.Location.Base != "" {
			err = errors.New("it is elsewhere (xml:base)")
		}
		if err != nil {
			return nil, fmt.Errorf("<data type=%q><location>: %w", one.Type, err)
		}
		if _, twice := m.data[one.Type]; twice {
			return nil, fmt.Errorf("there are two of <data type=%q>", one.Type)
		}
		m.data[one.Type] = f
	}
	if _, ok := m.data["primary"]; !ok {
		return nil, errors.New("it has no <data type=\"primary\">")
	}
	return m, nil
}

func (x xmlSum) sum() (sum, error) {
	s := sum{strings.TrimSpace(x.Type), strings.TrimSpace(x.Hex)}
	if s.kind == "sha256" && isHex(s.hex, 32) || s.kind == "sha512" && isHex(s.hex, 64) {
		return s, nil
	}
	return s, fmt.Errorf("type=%.20q %.140q is neither a SHA-256 nor a SHA-512, and older checksums are not trusted", s.kind, s.hex)
}

// format is that of the file, by its suffix.
func (f data) format() (repository.Format, error) {
	for _, one := range repository.Formats {
		if one.Suffix != "" && strings.HasSuffix(f.href, one.Suffix) {
			return one, nil
		}
	}
	switch path.Ext(f.href) {
	case ".xml", ".yaml", ".yml":
		return repository.Plain, nil
	}
	return repository.Format{}, fmt.Errorf("%q is compressed in a way that is not known", f.href)
}

type xmlGroup struct {
	ID       string `xml:"id"`
	Packages []struct {
		Type string `xml:"type,attr"`
		Name string `xml:",chardata"`
	} `xml:"packagelist>packagereq"`
}

// readCore finds the mandatory packages of the smallest group, "core", in a file of groups.
func readCore(r io.Reader) ([]string, error) {
	var names []string
	for d := xml.NewDecoder(r); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it is no file of groups: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "group" {
			continue
		}
		var g xmlGroup
		if err := d.DecodeElement(&g, &start); err != nil {
			return nil, fmt.Errorf("it is no file of groups: %w", err)
		}
		if strings.TrimSpace(g.ID) != "core" {
			continue
		}
		for _, p := range g.Packages {
			if name := strings.TrimSpace(p.Name); p.Type == "mandatory" && isName(name) {
				names = append(names, name)
			}
		}
	}
}
