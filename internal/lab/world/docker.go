//go:build lab && linux

package world

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// AddDocker adds Docker and cri-dockerd to the inputs, as the archives that a host gets.
func (in *Inputs) AddDocker(ctx context.Context, log io.Writer) error {
	if err := alone(ctx, in.dir, log, func(m *maker) error { return in.addDocker(ctx, m) }); err != nil {
		return fmt.Errorf("building Docker: %w", err)
	}
	return nil
}

func (in *Inputs) addDocker(ctx context.Context, m *maker) error {
	var err error
	if m.sources, err = sources(ctx); err != nil {
		return err
	}
	mods, err := loadModules(ctx, m.sources, dockerRecipes())
	if err != nil {
		return err
	}
	var bin programs
	for _, mod := range mods {
		if err := m.compile(ctx, mod, &bin); err != nil {
			return err
		}
	}
	version := func(i int) string { return strings.TrimPrefix(mods[i].version, "v") }
	in.Versions.Docker, in.Versions.CRIDockerd = version(0), version(2)

	engine := below("docker/", bin.of("docker"))
	for _, part := range []map[string]string{bin.of("dockercli"), in.bin.of("containerd")} {
		for name, file := range part {
			engine.program("docker/"+name, file)
		}
	}
	engine.program("docker/runc", filepath.Join(m.sources, "docker", "runc.sh")).
		program("docker/runc.real", in.bin.of("runc")["runc"])
	for url, t := range map[string]*tree{
		"https://download.docker.com/linux/static/stable/" + machines[runtime.GOARCH] + "/docker-" + in.Versions.Docker + ".tgz":                                          engine,
		"https://github.com/Mirantis/cri-dockerd/releases/download/v" + in.Versions.CRIDockerd + "/cri-dockerd-" + in.Versions.CRIDockerd + "." + runtime.GOARCH + ".tgz": below("cri-dockerd/", bin.of("cridockerd")),
	} {
		if in.files[url], err = m.archive(ctx, path.Base(url), t); err != nil {
			return err
		}
	}
	return nil
}

// machines are the names of architectures as Docker has them in its addresses.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}
