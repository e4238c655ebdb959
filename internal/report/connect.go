package report

// link tells whether a connection is drawn from one panel to the next, and what it is.
func link(from, to *panel) (label string, ok bool) {
	switch [2]string{from.kind, to.kind} {
	case [2]string{"entry", "load-balancer"}:
		return "keepalived holds them", true
	case [2]string{"entry", "control-plane"}:
		return "Kubernetes API", true
	case [2]string{"load-balancer", "control-plane"}:
		return "6443 Kubernetes API", true
	case [2]string{"control-plane", "worker"}:
		return "10250 kubelet", true
	}
	return "", false
}

// connections are the lines between the panels: down the middle from one to the next,
// on the left for published node ports, on the right for images.
func (v *canvas) connections(list []*panel, width, gutter int) {
	for i := 1; i < len(list); i++ {
		if label, ok := link(list[i-1], list[i]); ok {
			v.arrow(width/2, list[i-1].y+list[i-1].height, list[i].y, label)
		}
	}
	v.side(list, func(p *panel) bool { return p.forwards }, func(p *panel) bool { return p.takes }, margin+gutter, -gutter/2, "node ports")
	v.side(list, func(p *panel) bool { return p.images }, func(p *panel) bool { return p.serves }, width-margin-gutter, gutter/2, "images")
}

// arrow goes straight down.
func (v *canvas) arrow(x, from, to int, label string) {
	v.add(`<path class="line" d="M%d %dV%d"/>`, x, from, to-7)
	v.add(`<path class="head" d="M%d %dl-5 -8h10z"/>`, x, to)
	if label != "" {
		v.text("line-text", x+10, from+linked/2+3, "", label)
	}
}

// side goes from some panels to others along one side, and says what for beside itself.
func (v *canvas) side(list []*panel, starts, ends func(*panel) bool, edge, out int, label string) {
	var from, to []*panel
	for _, p := range list {
		switch {
		case ends(p):
			to = append(to, p)
		case starts(p):
			from = append(from, p)
		}
	}
	if len(from) == 0 || len(to) == 0 {
		return
	}
	middle := func(p *panel) int { return p.y + p.height/2 }
	low, high := middle(from[0]), middle(from[0])
	for _, p := range append(from, to...) {
		low, high = min(low, middle(p)), max(high, middle(p))
	}
	v.add(`<path class="line" d="M%d %dV%d"/>`, edge+out, low, high)
	for _, p := range from {
		v.add(`<path class="line" d="M%d %dh%d"/>`, edge, middle(p), out)
	}
	head := 8
	if out < 0 {
		head = -8
	}
	for _, p := range to {
		v.add(`<path class="line" d="M%d %dH%d"/>`, edge+out, middle(p), edge+head)
		v.add(`<path class="head" d="M%d %dl%d -5v10z"/>`, edge, middle(p), head)
	}
	// Between the panels, where the label crosses no other line.
	at := (low + high) / 2
	x := edge + out + 4
	if out < 0 {
		x = edge + out - 4
	}
	v.add(`<text class="line-text" text-anchor="middle" transform="translate(%d %d) rotate(-90)" dy="%s">%s</text>`, x, at, dy(out), label)
}

// dy is how far from its line a text is.
func dy(out int) string {
	if out < 0 {
		return "0"
	}
	return "8"
}
