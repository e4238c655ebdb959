package spec

import (
	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// reader holds a user's spec and the schema in one CUE context.
type reader struct {
	ctx          *cue.Context
	path         string
	user, schema cue.Value
	// known are specs by what they have beside names and addresses: what was found good
	// for one is good for all others of that shape.
	known map[string]*Spec
}

func newReader(path string) (*reader, error) {
	r := &reader{ctx: cuecontext.New(), path: path, known: map[string]*Spec{}}
	var err error
	if r.user, err = loadUser(r.ctx, path); err != nil {
		return nil, err
	}
	r.schema, err = compileSchema(r.ctx)
	return r, err
}

func (r *reader) cluster() cue.Value { return r.schema.LookupPath(cue.ParsePath("#Cluster")) }

// read gives the spec, or every problem of it; of a kit for one seat.
func (r *reader) read(seat *Seat) (*Spec, error) {
	user := r.user
	if seat != nil {
		user = seat.fill(user)
	}
	whole := r.cluster().Unify(user)
	if invalid := whole.Validate(cue.Concrete(true)); invalid != nil {
		return nil, explain(r.ctx, r.schema, user, invalid)
	}
	problems, err := checkRules(r.schema, "#Rules", user, whole)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, problems
	}
	s, err := r.decode(whole, seat)
	if err != nil {
		return nil, err
	}
	if err := checkSettings(r.ctx, s, user); err != nil {
		return nil, err
	}
	if err := attach(r.ctx, s, user); err != nil {
		return nil, err
	}
	return s, s.sum()
}

// seat is read for one of many seats: it only says whether the seat is valid, and looks
// at names and addresses alone where all else is as in a seat before. A seat whose files
// or settings are wrong is not valid either.
func (r *reader) seat(seat *Seat) (s *Spec, valid bool, err error) {
	user := seat.fill(r.user)
	whole := r.cluster().Unify(user)
	if whole.Validate(cue.Concrete(true)) != nil {
		return nil, false, nil
	}
	if s, err = r.decode(whole, seat); err != nil {
		return nil, false, err
	}
	shape, err := shapeOf(s.Cluster)
	if err != nil {
		return nil, false, err
	}
	like, known := r.known[shape]
	if !known {
		s, err := r.read(seat)
		if err != nil {
			// What is wrong with it is said later, for a few seats.
			return nil, false, nil
		}
		r.known[shape] = s
		return s, true, nil
	}
	problems, err := checkRules(r.schema, "#AddressRules", user, whole)
	if err != nil || len(problems) > 0 {
		return nil, false, err
	}
	s.Manifests, s.ImageFiles, s.PackageFiles, s.attachments = like.Manifests, like.ImageFiles, like.PackageFiles, like.attachments
	return s, true, s.sum()
}

func (r *reader) decode(whole cue.Value, seat *Seat) (*Spec, error) {
	s, err := decode(r.schema, whole)
	if err != nil {
		return nil, err
	}
	s.Dir = directory(r.path)
	if seat == nil {
		return s, nil
	}
	own := *seat
	own.Kit = s.Cluster.Kit.Name
	s.Seat = &own
	if s.Cluster.Guide == nil {
		s.Cluster.Guide = &v1.Guide{Language: "en"}
	}
	return s, nil
}
