package derive

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// epoch is the time at which everything derived was made, because a real one would
// make another image each time.
const epoch = "1970-01-01T00:00:00Z"

// config changes the base's config
// (https://github.com/opencontainers/image-spec/blob/main/config.md) as the recipe
// says. layers is how many the base's manifest has.
func (a *addition) config(base []byte, layers int) ([]byte, error) {
	top, err := parseObject(base)
	if err != nil {
		return nil, err
	}
	if err := a.stack(top, layers); err != nil {
		return nil, err
	}
	run, err := top.object("config")
	if err != nil {
		return nil, err
	}
	if err := a.change(run); err != nil {
		return nil, fmt.Errorf("field \"config\": %w", err)
	}
	top.set("config", run)
	top.set("created", epoch)
	return encode(top), nil
}

// stack lists the layer, and says in the history where it is from.
func (a *addition) stack(top object, layers int) error {
	rootfs, err := top.object("rootfs")
	if err != nil {
		return err
	}
	var diffIDs []string
	if err := rootfs.get("diff_ids", &diffIDs); err != nil {
		return err
	}
	if len(diffIDs) != layers {
		return fmt.Errorf("it lists %d layers, and the manifest %d", len(diffIDs), layers)
	}
	history, err := wholeHistory(top, layers)
	if err != nil {
		return err
	}
	entry := historyEntry{Created: epoch, CreatedBy: "satchel recipe " + a.digest, EmptyLayer: !a.hasLayer()}
	top.set("history", append(history, encode(entry)))
	if a.hasLayer() {
		rootfs.set("diff_ids", append(diffIDs, a.diffID))
	}
	top.set("rootfs", rootfs)
	return nil
}

type historyEntry struct {
	Created    string `json:"created,omitempty"`
	CreatedBy  string `json:"created_by"`
	EmptyLayer bool   `json:"empty_layer,omitempty"`
}

// wholeHistory has an entry for every layer: some tools write none, and others do
// not read a history that is about some of the layers only.
func wholeHistory(top object, layers int) ([]json.RawMessage, error) {
	var history []json.RawMessage
	var told []historyEntry
	for _, into := range []any{&history, &told} {
		if err := top.get("history", into); err != nil {
			return nil, err
		}
	}
	told = slices.DeleteFunc(told, func(e historyEntry) bool { return e.EmptyLayer })
	for range layers - len(told) {
		history = append(history, encode(historyEntry{CreatedBy: "unknown"}))
	}
	return history, nil
}

// change edits what containers start with. The field names are those of Docker,
// which OCI took over.
func (a *addition) change(run object) error {
	var triggers []string
	if err := run.get("OnBuild", &triggers); err != nil {
		return err
	}
	if len(triggers) > 0 {
		return fmt.Errorf("the image has ONBUILD instructions, which only a build with a daemon could run (the first of %d is %q): take another base", len(triggers), triggers[0])
	}
	a.setStart(run)
	if err := a.addEnv(run); err != nil {
		return err
	}
	if err := merge(run, "ExposedPorts", keys(a.recipe.Ports)); err != nil {
		return err
	}
	labels := object{}
	for name, value := range a.recipe.Labels {
		labels.set(name, value)
	}
	if err := merge(run, "Labels", labels); err != nil {
		return err
	}
	if a.recipe.WorkingDir != "" {
		run.set("WorkingDir", a.recipe.WorkingDir)
	}
	if a.recipe.User != "" {
		run.set("User", a.recipe.User)
	}
	return nil
}

// setStart follows Docker: a new entrypoint without a command leaves none of the
// base's, because those were the arguments of another program
// (https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact).
func (a *addition) setStart(run object) {
	if a.recipe.Entrypoint != nil {
		delete(run, "Cmd")
		replace(run, "Entrypoint", a.recipe.Entrypoint)
	}
	if a.recipe.Command != nil {
		replace(run, "Cmd", a.recipe.Command)
	}
}

func replace(run object, key string, words []string) {
	if len(words) == 0 {
		delete(run, key)
		return
	}
	run.set(key, words)
}

// addEnv replaces variables where the base has them, and adds the others behind.
func (a *addition) addEnv(run object) error {
	var env []string
	if err := run.get("Env", &env); err != nil {
		return err
	}
	for _, e := range sorted(a.recipe.Env) {
		name, _, _ := strings.Cut(e, "=")
		same := func(o string) bool { return o == name || strings.HasPrefix(o, name+"=") }
		if i := slices.IndexFunc(env, same); i >= 0 {
			env = append(env[:i+1], slices.DeleteFunc(env[i+1:], same)...)
			env[i] = e
		} else {
			env = append(env, e)
		}
	}
	if len(a.recipe.Env) > 0 {
		run.set("Env", env)
	}
	return nil
}

// merge adds fields to an object in a field.
func merge(run object, key string, more object) error {
	if len(more) == 0 {
		return nil
	}
	all, err := run.object(key)
	if err != nil {
		return err
	}
	for name, value := range more {
		all[name] = value
	}
	run.set(key, all)
	return nil
}

// keys makes a set as Docker writes it: an object of empty objects.
func keys(names []string) object {
	set := object{}
	for _, name := range names {
		set[name] = json.RawMessage("{}")
	}
	return set
}
