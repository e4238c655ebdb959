package rpm

import (
	"errors"
	"io"
)

// readFileLists reads a filelists.xml, which is larger than all else together, and keeps
// only the packages that have the wanted files.
func (x *Index) readFileLists(r io.Reader, wanted map[string]bool) (map[string][]int32, error) {
	owners := map[string][]int32{}
	s := newScanner(r)
	n, known := int32(0), false
	for {
		piece, err := s.next()
		if errors.Is(err, io.EOF) {
			return owners, nil
		}
		if err != nil {
			return nil, err
		}
		if piece != startPiece {
			continue
		}
		switch string(s.name) {
		case "package":
			known = false
			err = s.each(func(name, value []byte) error {
				if string(name) == "pkgid" {
					n, known = x.byID[string(value)]
				}
				return nil
			})
		case "file":
			var file []byte
			if file, err = s.value(); err == nil && known && wanted[string(file)] {
				owners[string(file)] = append(owners[string(file)], n)
			}
		}
		if err != nil {
			return nil, err
		}
	}
}
