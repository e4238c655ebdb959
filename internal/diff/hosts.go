package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/side"
)

// hosts are those that are new, gone, re-addressed or have other roles.
func (c *comparison) hosts() []Host {
	list := []Host{}
	if !c.textsKnown() {
		return list
	}
	names := maps.Clone(c.a.hosts)
	maps.Copy(names, c.b.hosts)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, b := c.a.hosts[name], c.b.hosts[name]
		h := Host{Name: name, Change: Changed}
		// Of a bundle that was unpacked for one host the others are not gone.
		switch {
		case a == nil && c.a.absent(name), b == nil && c.b.absent(name):
			continue
		case a == nil:
			h.Change, h.Like = Added, c.like(b)
		case b == nil:
			h.Change = Removed
		}
		if a != nil {
			h.Address.Old, h.Roles.Old = a.address(), strings.Join(a.roles, " ")
		}
		if b != nil {
			h.Address.New, h.Roles.New = b.address(), strings.Join(b.roles, " ")
		}
		if h.Change != Changed || h.Address.Old != h.Address.New || h.Roles.Old != h.Roles.New {
			list = append(list, h)
		}
	}
	return list
}

func (c *cluster) absent(host string) bool { return c.side.Absent["hosts/"+host+"/host.env"] }

// candidates bounds how many hosts a new one is held against.
const candidates = 8

// like is a host of both sides whose files the new host has too, but for its own name
// and address; or "".
func (c *comparison) like(h *host) string {
	tried := 0
	for _, name := range c.both() {
		other := c.b.hosts[name]
		if !slices.Equal(other.roles, h.roles) {
			continue
		}
		if sameButNames(h, other) {
			return name
		}
		if tried++; tried == candidates {
			break
		}
	}
	return ""
}

func sameButNames(a, b *host) bool {
	if len(a.texts) != len(b.texts) {
		return false
	}
	ownA, ownB := newOwn(a, a), newOwn(b, b)
	for file, text := range a.texts {
		other, ok := b.texts[file]
		if !ok || text.Exec != other.Exec {
			return false
		}
		if text.Data != other.Data && ownA.hide(withoutTurn(text.Data)) != ownB.hide(withoutTurn(other.Data)) {
			return false
		}
	}
	return true
}

// turns begin the lines of host.env that name the control plane which joins before, which
// is another one on each, and all of them or their etcds, with the host itself among them.
var turns = []string{"\nJOIN_AFTER=", "\nCONTROL_PLANES=", "\nETCD_MEMBERS="}

func withoutTurn(text string) string {
	for _, turn := range turns {
		if before, rest, ok := strings.Cut(text, turn); ok {
			_, after, _ := strings.Cut(rest, "\n")
			text = before + "\n" + after
		}
	}
	return text
}

// secrets are those that hosts need newly.
func (c *comparison) secrets() []Secret {
	list := []Secret{}
	if !c.textsKnown() {
		return list
	}
	known := map[string]bool{}
	before := map[string][]string{}
	for _, name := range c.a.names {
		before[name] = c.a.hosts[name].secrets()
		for _, secret := range before[name] {
			known[secret] = true
		}
	}
	users := map[string][]string{}
	for _, name := range c.b.names {
		if c.a.absent(name) {
			continue
		}
		for _, secret := range c.b.hosts[name].secrets() {
			if !slices.Contains(before[name], secret) {
				users[secret] = append(users[secret], name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(users)) {
		list = append(list, Secret{Name: name, Hosts: users[name], New: !known[name]})
	}
	return list
}

// settings are the fields of two specs that differ.
func settings(a, b *side.Side) []Setting {
	list := []Setting{}
	if !a.Has.Settings || !b.Has.Settings {
		return list
	}
	fields := maps.Clone(a.Settings)
	maps.Copy(fields, b.Settings)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if was, is := a.Settings[field], b.Settings[field]; was != is {
			list = append(list, Setting{field, Values{was, is}})
		}
	}
	return list
}

// byKey pairs what two lists have under one key, in the order of the keys.
func byKey[K cmp.Ordered, V any](a, b []V, key func(V) K) []pair[K, V] {
	found := map[K]*pair[K, V]{}
	at := func(k K) *pair[K, V] {
		if found[k] == nil {
			found[k] = &pair[K, V]{key: k}
		}
		return found[k]
	}
	for i := range a {
		at(key(a[i])).a = &a[i]
	}
	for i := range b {
		at(key(b[i])).b = &b[i]
	}
	var list []pair[K, V]
	for _, k := range slices.Sorted(maps.Keys(found)) {
		list = append(list, *found[k])
	}
	return list
}

// pair is a thing on both sides; one that is not there is nil.
type pair[K, V any] struct {
	key  K
	a, b *V
}

func (p pair[K, V]) change() Change {
	switch {
	case p.a == nil:
		return Added
	case p.b == nil:
		return Removed
	}
	return Changed
}
