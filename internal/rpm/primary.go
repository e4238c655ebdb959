package rpm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/repository"
)

// primary reads a primary.xml into an index.
type primary struct {
	*scanner
	x *Index
	p *Package
	// id is the checksum as the other files of the repository name it.
	id     string
	others map[string]int
	// relations are those of the package that is being read, by element. They are kept for
	// the next one, and copied in their right size.
	relations map[string]*[]Relation
	// evr joins what the index has in three attributes.
	evr []byte
}

// add reads a file of packages. Those of other architectures are passed over.
func (x *Index) add(r io.Reader) error { return x.addCounting(r, map[string]int{}) }

// addCounting counts the packages that are passed over, by their architecture.
func (x *Index) addCounting(r io.Reader, others map[string]int) error {
	d := &primary{scanner: newScanner(r), x: x, others: others}
	d.relations = map[string]*[]Relation{"provides": {}, "requires": {}, "conflicts": {}, "obsoletes": {}}
	depth := 0
	for {
		piece, err := d.next()
		switch {
		case errors.Is(err, io.EOF) && depth == 0:
			return nil
		case err != nil:
			return err
		case piece == startPiece && depth == 0:
			if string(d.name) != "metadata" {
				return d.errorf("the first element is <%.40s>, not <metadata>: this is no primary.xml", d.name)
			}
			depth++
		case piece == endPiece:
			depth--
		case piece == startPiece && string(d.name) == "package":
			if err := d.pack(); err != nil {
				return err
			}
		case piece == startPiece:
			if err := d.pass(); err != nil {
				return err
			}
		}
	}
}

// pass goes to the end of an element that is of no interest.
func (d *scanner) pass() error {
	for depth := 1; depth > 0; {
		piece, err := d.next()
		if err != nil {
			return err
		}
		switch piece {
		case startPiece:
			depth++
		case endPiece:
			depth--
		}
	}
	return nil
}

// value is the text of an element, up to its end.
func (d *scanner) value() ([]byte, error) {
	var text []byte
	for {
		piece, err := d.next()
		switch {
		case err != nil:
			return nil, err
		case piece == startPiece:
			return nil, d.errorf("there is <%.40s> where a text should be", d.name)
		case piece == textPiece && text == nil:
			text = d.text
		case piece == textPiece:
			text = bytes.Join([][]byte{text, d.text}, nil)
		case piece == endPiece:
			return bytes.TrimSpace(text), nil
		}
	}
}

// pack reads one package, and what was read of it is checked at its end.
func (d *primary) pack() error {
	p := &Package{Repository: d.x.Repository, known: true}
	d.p, d.id = p, ""
	for _, list := range d.relations {
		*list = (*list)[:0]
	}
	err := d.elements(d.element)
	if err == nil && p.Architecture != "" && !p.native(d.x.Arch) {
		d.others[p.Architecture]++
		return nil // so it need not be in order
	}
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return fmt.Errorf("package %.60s: %w", p.Name, err)
	}
	p.Provides, p.Requires = slices.Clone(*d.relations["provides"]), slices.Clone(*d.relations["requires"])
	p.Conflicts, p.Obsoletes = slices.Clone(*d.relations["conflicts"]), slices.Clone(*d.relations["obsoletes"])
	d.x.insert(p, d.id)
	return nil
}

// elements calls a function for each element within the one that is open. The function
// reads it to its end.
func (d *scanner) elements(do func(name string) error) error {
	for {
		piece, err := d.next()
		switch {
		case err != nil:
			return err
		case piece == endPiece:
			return nil
		case piece == startPiece:
			if err := do(string(d.name)); err != nil {
				return err
			}
		}
	}
}

func (d *primary) element(name string) error {
	p := d.p
	switch name {
	case "name":
		name, err := d.value()
		p.Name = string(name) // most names are there once
		return err
	case "arch":
		return d.set(&p.Architecture)
	case "sourcerpm":
		return d.set(&p.Source)
	case "version":
		return d.attributes(map[string]*string{"epoch": &p.Epoch, "ver": &p.Version, "rel": &p.Release})
	case "checksum":
		return d.checksum()
	case "size":
		var size string
		err := d.attributes(map[string]*string{"package": &size})
		if err == nil {
			p.Size, err = parseSize(size)
		}
		if err != nil {
			return d.errorf("<size package>: %w", err)
		}
		return nil
	case "location":
		return d.attributes(map[string]*string{"href": &p.Filename, "base": &p.base})
	case "format":
		return d.elements(d.element)
	case "provides", "requires", "conflicts", "obsoletes":
		to := d.relations[name]
		return d.elements(func(string) error { return d.relation(to) })
	case "file":
		file, err := d.value()
		if err == nil {
			p.Files = append(p.Files, string(file))
		}
		return err
	}
	return d.pass()
}

// set reads the text of an element.
func (d *primary) set(to *string) error {
	value, err := d.value()
	*to = d.x.word(value)
	return err
}

// attributes reads those that are of interest, and goes to the end of the element.
func (d *primary) attributes(to map[string]*string) error {
	err := d.each(func(name, value []byte) error {
		if s := to[string(name)]; s != nil {
			*s = string(value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.pass()
}

func (d *primary) checksum() error {
	var kind string
	err := d.each(func(name, value []byte) error {
		if string(name) == "type" {
			kind = string(value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	value, err := d.value()
	if err != nil {
		return err
	}
	d.id = string(value)
	switch {
	case kind == "sha256" && isHex(d.id, 32):
		d.p.SHA256 = d.id
	case kind == "sha512" && isHex(d.id, 64):
		d.p.SHA512 = d.id
	default:
		return d.errorf("<checksum type=%.20q>%.140q: it is neither a SHA-256 nor a SHA-512, and older checksums are not trusted", kind, d.id)
	}
	return nil
}

// relation reads an <rpm:entry>.
func (d *primary) relation(to *[]Relation) error {
	var r Relation
	var epoch, ver, release []byte
	d.evr = d.evr[:0]
	err := d.each(func(name, value []byte) error {
		switch string(name) {
		case "name":
			r.Name = d.x.word(value)
		case "flags":
			op, ok := operators[string(value)]
			if !ok {
				return fmt.Errorf("%.20q is no comparison, such as GE", value)
			}
			r.Op = op
		case "epoch":
			epoch = value
		case "ver":
			ver = value
		case "rel":
			release = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.Op != "" {
		if len(epoch) > 0 && string(epoch) != "0" {
			d.evr = append(append(d.evr, epoch...), ':')
		}
		d.evr = append(d.evr, ver...)
		if len(release) > 0 {
			d.evr = append(append(d.evr, '-'), release...)
		}
		r.Version = d.x.word(d.evr)
	}
	if err := r.check(); err != nil {
		return d.errorf("<entry>: %w", err)
	}
	*to = append(*to, r)
	return d.pass()
}

// check refuses what cannot be a package, or leads out of its repository.
func (d *primary) check() (err error) {
	p := d.p
	if p.Epoch == "" {
		p.Epoch = "0"
	}
	switch {
	case !isName(p.Name):
		err = fmt.Errorf("<name>: %.60q is no name of a package", p.Name)
	case !isName(p.Architecture):
		err = fmt.Errorf("<arch>: %.60q is no architecture", p.Architecture)
	case p.Release == "":
		err = errors.New("<version>: it has no rel")
	case d.id == "":
		err = errors.New("it has no <checksum>")
	case p.Filename == "":
		err = errors.New("it has no <location href>")
	default:
		if err = checkEVR(p.EVR()); err != nil {
			err = fmt.Errorf("<version>: %w", err)
		}
	}
	if err == nil {
		if p.Filename, err = repository.CleanFile(p.Filename); err != nil {
			err = fmt.Errorf("<location href>: %w", err)
		}
	}
	if err != nil {
		return d.errorf("%w", err)
	}
	if p.base != "" && !strings.HasPrefix(p.base, "https://") && !strings.HasPrefix(p.base, "http://") {
		return d.errorf("<location xml:base>: %.100q is no URL of http or https", p.base)
	}
	return nil
}
