package closure

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// plainParameter is the name in $NAME, ${NAME} and ${NAME:-}.
func plainParameter(p *syntax.ParamExp) (string, bool) {
	if p.Param == nil || !isName(p.Param.Value) || p.Excl || p.Length || p.Width || p.IsSet ||
		p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 || len(p.Modifiers) > 0 {
		return "", false
	}
	if p.Exp != nil {
		empty := p.Exp.Word == nil || len(p.Exp.Word.Parts) == 0
		if !empty || p.Exp.Op != syntax.DefaultUnset && p.Exp.Op != syntax.DefaultUnsetOrNull {
			return "", false
		}
	}
	return p.Param.Value, true
}

// variable is what a variable can hold where it is used.
func (s scope) variable(name string, at syntax.Pos) ([]value, bool) {
	if name == "BUNDLE" || name == "HOST_DIR" {
		return []value{{text: mark + name + mark}}, true
	}
	assigns := s.script.assigns[s.key(name)]
	if len(assigns) == 0 {
		return []value{{text: mark + name + mark}}, s.script.variables[name]
	}
	var all []value
	assigns = s.before(assigns, at)
	for i, a := range assigns {
		overwritten, ok := s.later(assigns[i+1:], at)
		if !ok {
			continue
		}
		list, known := scope{s.script, a.body, a.when}.assigned(a)
		if !known || len(all)+len(list) > maxValues {
			return nil, false
		}
		for _, v := range list {
			if a.when != nil {
				v.when = append(slices.Clip(v.when), a.when)
			}
			v.when = append(slices.Clip(v.when), overwritten...)
			all = append(all, v)
		}
	}
	return all, true
}

// before leaves out assignments after a place where one before it in the same code
// takes effect for certain.
func (s scope) before(assigns []assign, at syntax.Pos) []assign {
	certain := slices.ContainsFunc(assigns, func(a assign) bool {
		return a.body == s.body && s.beyond(a.when) == nil && at.After(a.pos)
	})
	if !certain {
		return assigns
	}
	return slices.DeleteFunc(slices.Clone(assigns), func(a assign) bool { return a.body == s.body && !at.After(a.pos) })
}

// later are the conditions under which none of the assignments before a place
// takes effect. It is false where one does for certain.
func (s scope) later(assigns []assign, at syntax.Pos) ([]*guards, bool) {
	var list []*guards
	for _, a := range assigns {
		if !at.After(a.pos) {
			continue
		}
		when := s.beyond(a.when)
		if when == nil {
			return nil, false
		}
		var none *guards
		list = append(list, none.and(not{when}))
	}
	return list, true
}

// beyond leaves out the conditions that the code here has too: it is not reached
// where they are not met.
func (s scope) beyond(when *guards) *guards {
	var list *guards
	for g := when; g != nil; g = g.before {
		for here := s.when; here != nil; here = here.before {
			if here == g {
				return list
			}
		}
		list = list.and(g.condition)
	}
	return list
}

func (s scope) assigned(a assign) ([]value, bool) {
	switch {
	case a.unknown || a.array:
		return nil, false
	case a.any == nil && a.word == nil:
		return []value{{}}, true
	case a.any == nil:
		return s.values(a.word)
	}
	var all []value
	for _, item := range a.any {
		list, ok := s.values(item)
		if !ok {
			return nil, false
		}
		for _, v := range list {
			if name, bare := bareVariable(item); bare && v.text == mark+name+mark {
				v.text = mark + each + name + mark // the shell splits it
			}
			all = append(all, v)
		}
	}
	return all, len(all) <= maxValues
}

// bareVariable is the name where a word is nothing but $NAME.
func bareVariable(w *syntax.Word) (string, bool) {
	if len(w.Parts) != 1 {
		return "", false
	}
	p, ok := w.Parts[0].(*syntax.ParamExp)
	if !ok {
		return "", false
	}
	return plainParameter(p)
}

// elements are the words of an array where a word stands for all of it:
// "${NAME[@]}". Each list is what one assignment gives it.
func (s scope) elements(w *syntax.Word) ([][]*syntax.Word, bool) {
	parts := w.Parts
	if len(parts) == 1 {
		if quoted, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = quoted.Parts
		}
	}
	if len(parts) != 1 {
		return nil, false
	}
	p, ok := parts[0].(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Slice != nil || p.Repl != nil || p.Exp != nil || p.Length || p.Excl {
		return nil, false
	}
	if index, ok := p.Index.(*syntax.Word); !ok || index.Lit() != "@" {
		return nil, false
	}
	var lists [][]*syntax.Word
	for _, a := range s.script.assigns[s.key(p.Param.Value)] {
		if !a.array {
			return nil, false
		}
		if !a.more {
			lists = append(lists, a.any)
		}
	}
	return lists, len(lists) > 0
}
