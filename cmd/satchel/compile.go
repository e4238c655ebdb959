package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/satchel-kit/satchel/internal/closure"
	"github.com/satchel-kit/satchel/internal/derive"
	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/spec"
)

// compiled is a spec after the pure stages.
type compiled struct {
	spec *spec.Spec
	plan *plan.Plan
	tree render.Tree
}

// compile takes a spec through the pure stages, and proves that its bundle will be
// closed.
func compile(path string) (c compiled, err error) {
	if c.spec, err = spec.Load(path); err != nil {
		return c, invalidSpec(path, err)
	}
	c.plan = plan.New(c.spec)
	if err := checkRecipes(c.plan); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if c.tree, err = render.Render(c.plan); err != nil {
		return c, err
	}
	if open := closure.Check(c.plan, c.tree); len(open) > 0 {
		return c, notClosed{path, open}
	}
	return c, nil
}

func checkRecipes(p *plan.Plan) error {
	var problems []error
	for _, image := range p.Images {
		if image.Recipe == nil {
			continue
		}
		if err := derive.Check(image.Recipe); err != nil {
			problems = append(problems, fmt.Errorf("derivedImages.%s: %w", image.Name, err))
		}
	}
	return errors.Join(problems...)
}

// notClosed says what hosts without a network would have to ask of it.
type notClosed struct {
	path     string
	problems []closure.Problem
}

func (e notClosed) Error() string {
	lines := []string{fmt.Sprintf("%s: hosts without a network could not install this, problems: %d (in the tree that render writes)", e.path, len(e.problems))}
	for _, p := range e.problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}
