package closure

import "slices"

// reached are the uses of a script's own code and of all functions that it gets to,
// in its sources too. A function that is called under conditions alone has them in
// its uses.
func (s *script) reached() []use {
	if s.reaches != nil {
		return s.reaches
	}
	r := reach{top: s, calls: map[*body][]called{}, free: map[*body]bool{}, seen: map[*body]bool{}}
	r.root(s)
	for _, b := range r.order {
		for _, u := range b.uses {
			if _, f := r.given(u); f != nil {
				continue
			}
			if !r.free[b] {
				u.under = append(slices.Clip(u.under), &guards{condition: reachable{&r, b}})
			}
			s.reaches = append(s.reaches, u)
		}
	}
	return s.reaches
}

// reach is who calls whom from one script on.
type reach struct {
	top   *script
	order []*body
	seen  map[*body]bool
	calls map[*body][]called
	// free are those that are reached without a condition.
	free map[*body]bool
}

// given is the function that a use calls in fact: what a script reads in may call the
// functions of that script.
func (r *reach) given(u use) (*script, *body) {
	if u.kind != program {
		return nil, nil
	}
	return r.top.find(u.text)
}

// called is one call of a function.
type called struct {
	by   *body
	when *guards
}

func (r *reach) root(s *script) {
	for _, source := range s.sources {
		r.root(source)
	}
	r.visit(s, s.main, true)
}

func (r *reach) visit(s *script, b *body, free bool) {
	seen := r.seen[b]
	if seen && (r.free[b] || !free) {
		return
	}
	if !seen {
		r.seen[b] = true
		r.order = append(r.order, b)
	}
	r.free[b] = r.free[b] || free
	visit := func(owner *script, f *body, when *guards) {
		if f == nil {
			return
		}
		if !seen {
			r.calls[f] = append(r.calls[f], called{b, when})
		}
		r.visit(owner, f, free && when == nil)
	}
	for _, c := range b.calls {
		owner, f := s.find(c.name)
		visit(owner, f, c.when)
	}
	for _, u := range b.uses {
		owner, f := r.given(u)
		for _, when := range append(slices.Clip(u.under), u.when...) {
			visit(owner, f, when)
		}
		if len(u.under)+len(u.when) == 0 {
			visit(owner, f, nil)
		}
	}
}

// reachable is whether any of the calls of a function takes place.
type reachable struct {
	reach *reach
	body  *body
}

func (c reachable) on(m *moment) truth { return c.reach.on(c.body, m) }

// on is the smallest answer that fits all calls on the way to a function: functions
// that call each other alone are not reached.
func (r *reach) on(b *body, m *moment) truth {
	type edge struct {
		by, to *body
		when   truth
	}
	var edges []edge
	answer := map[*body]truth{b: no}
	for todo := []*body{b}; len(todo) > 0; todo = todo[1:] {
		to := todo[0]
		if r.free[to] {
			answer[to] = yes
			continue
		}
		for _, c := range r.calls[to] {
			when := c.when.on(m)
			if when == no {
				continue
			}
			edges = append(edges, edge{c.by, to, when})
			if _, known := answer[c.by]; !known {
				answer[c.by] = no
				todo = append(todo, c.by)
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, e := range edges {
			through := both(answer[e.by], e.when)
			if better := one(answer[e.to], through); better != answer[e.to] {
				answer[e.to], changed = better, true
			}
		}
	}
	return answer[b]
}

// grants tells whether a use takes place only where something was asked for before
// and is there: `if command -v jq; then jq …; fi`.
func grants(u *use, p present) bool {
	return slices.ContainsFunc(u.under, func(g *guards) bool { return granted(g, true, p, nil) })
}

// granted tells whether a condition that is met, or one that is not, says so.
func granted(c condition, met bool, p present, through []*body) bool {
	switch c := c.(type) {
	case present:
		return met && c == p
	case not:
		return granted(c.condition, !met, p, through)
	case either:
		if met {
			return granted(c.a, true, p, through) && granted(c.b, true, p, through)
		}
		return granted(c.a, false, p, through) || granted(c.b, false, p, through)
	case *guards:
		for ; met && c != nil; c = c.before {
			if granted(c.condition, true, p, through) {
				return true
			}
		}
	case reachable:
		return met && c.reach.grantedTo(c.body, p, through)
	}
	return false
}

// grantedTo tells whether all calls of a function take place under the condition.
func (r *reach) grantedTo(b *body, p present, through []*body) bool {
	if r.free[b] || slices.Contains(through, b) || len(through) > maxCalls {
		return false
	}
	through = append(slices.Clip(through), b)
	for _, c := range r.calls[b] {
		if !granted(c.when, true, p, through) && !r.grantedTo(c.by, p, through) {
			return false
		}
	}
	return true
}

// maxCalls bounds how far a question is followed back.
const maxCalls = 4
