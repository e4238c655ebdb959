package plan

import (
	"slices"

	"github.com/satchel-kit/satchel/internal/spec"
)

// newKit derives the plans of all seats, and from them what one bundle for all carries.
func newKit(s *spec.Spec) *Plan {
	p := &Plan{Cluster: Cluster{Name: s.Cluster.Name, Version: s.Cluster.Version}, SpecDigest: s.Digest}
	images, files, programs := map[string]Image{}, map[string]File{}, map[string]bool{}
	for _, seat := range s.Seats {
		own := New(seat)
		for _, image := range own.Images {
			images[image.Name] = image.with(images[image.Name])
		}
		for _, file := range own.Files {
			files[file.Path] = file
		}
		for _, arch := range own.Programs {
			programs[arch] = true
		}
		p.Seats = append(p.Seats, own)
	}
	p.Guide, p.Sources = p.Seats[0].Guide, p.Seats[0].Sources
	for _, name := range sortedKeys(images) {
		p.Images = append(p.Images, images[name])
	}
	for _, path := range sortedKeys(files) {
		p.Files = append(p.Files, files[path])
	}
	p.Programs = sortedKeys(programs)
	return p
}

// with also has what another seat wants of the same image.
func (i Image) with(other Image) Image {
	i.Platforms = slices.Concat(i.Platforms, other.Platforms)
	slices.Sort(i.Platforms)
	i.Platforms = slices.Compact(i.Platforms)
	i.Attestations = i.Attestations || other.Attestations
	return i
}

// Find is the plan of the seat that is called by its number, with leading zeros or
// without, or nil.
func (p *Plan) Find(number int) *Plan {
	if number < 1 || number > len(p.Seats) {
		return nil
	}
	return p.Seats[number-1]
}
