package closure

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/manifest"
	"github.com/satchel-kit/satchel/internal/plan"
)

// images checks every image that a file of the tree names.
func (c *check) images() {
	for _, f := range c.tree {
		name, _, ofHost := hostFile(f.Path)
		switch {
		case strings.HasPrefix(f.Path, "manifests/"):
			c.manifest(f.Path, f.Data)
		case !ofHost || c.host(name) == nil:
		case isYAML(f.Path) && bytes.Contains(f.Data, []byte(kubeadmGroup)):
			c.kubeadm(f.Path, f.Data)
		case isYAML(f.Path) && (bytes.Contains(f.Data, []byte("image:")) || bytes.Contains(f.Data, []byte("/image"))):
			c.hostManifest(c.host(name), f.Path, f.Data)
		case path.Ext(f.Path) == ".toml" && bytes.Contains(f.Data, []byte("io.containerd.")):
			c.containerd(c.host(name), f.Path, f.Data)
		}
	}
}

func isYAML(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

func (c *check) nodes() []*host { return c.having(func(h *plan.Host) bool { return h.Node }) }

func (c *check) controlPlanes() []*host {
	return c.having(func(h *plan.Host) bool { return h.ControlPlane })
}

func (c *check) having(role func(*plan.Host) bool) []*host {
	return slices.DeleteFunc(slices.Clone(c.hosts), func(h *host) bool { return !role(h.Host) })
}

// manifestFile is what reading a manifest gave.
type manifestFile struct {
	images   []manifest.Image
	problems []manifest.Problem
	// documents are nil where the file is no YAML.
	documents []node
}

func (c *check) manifestFile(path string, text []byte) manifestFile {
	f, ok := c.reader.manifests[content{path, string(text)}]
	if !ok {
		read, problems := manifest.Parse(path, text)
		f.images, f.problems = read.Images, problems
		f.documents, _ = readYAML(text) // the problems say so
		c.reader.manifests[content{path, string(text)}] = f
		c.reader.size += len(text)
	}
	return f
}

// manifest checks the images of a file that is applied to the cluster. Its pods can
// run on every node.
func (c *check) manifest(path string, text []byte) {
	f := c.manifestFile(path, text)
	for _, p := range f.problems {
		c.report(place{path, p.Line, p.Column}, "", p.Message)
	}
	nodes := c.nodes()
	for _, i := range f.images {
		c.image(place{path, i.Line, i.Column}, []string{i.Written, i.Name}, nodes)
	}
}

// hostManifest checks the images in a file of one host: a static pod, or a change to
// one (kubeadm's patches), which is a part of a manifest only.
func (c *check) hostManifest(h *host, path string, text []byte) {
	documents, err := readYAML(text)
	if err != nil {
		c.report(place{path, 1, 1}, "", "it cannot be read as YAML: "+err.Error())
		return
	}
	for _, d := range documents {
		d.walk(func(n node) {
			value := n.field("image")
			// A JSON patch names the field that it changes.
			if strings.HasSuffix(n.field("path").text(), "/image") {
				value = n.field("value")
			}
			if name := value.text(); name != "" {
				c.image(value.place(path), []string{name}, []*host{h})
			}
		})
	}
}

// image checks that the bundle has an image for hosts, under one of the names that
// mean it.
func (c *check) image(at place, names []string, hosts []*host) {
	var carried *plan.Image
	for _, name := range names {
		if carried = c.carriedAs[name]; carried != nil {
			break
		}
	}
	if carried == nil {
		c.report(at, "", "the image "+names[0]+" is not in the bundle"+c.similar(names[0]))
		return
	}
	c.platforms(at, carried, hosts)
}

// similar says which tags of an image the bundle has.
func (c *check) similar(name string) string {
	var tags []string
	for _, i := range c.plan.Images {
		if pull := c.plan.Cluster.Pull(i.Name); repository(pull) == repository(name) {
			tags = append(tags, strings.TrimPrefix(pull, repository(pull)))
		} else if i.Name == name {
			return "; hosts pull it as " + pull
		}
	}
	if len(tags) == 0 {
		return ""
	}
	return "; of this image it has " + strings.Join(tags, " and ")
}

// repository is an image's name without tag and digest.
func repository(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i]
	}
	return name
}

// platforms checks that an image is there for the processors of the hosts.
func (c *check) platforms(at place, image *plan.Image, on []*host) {
	for _, h := range on {
		if platform := "linux/" + h.Arch; !slices.Contains(image.Platforms, platform) {
			c.report(at, h.Name, "the bundle has the image "+image.Name+" for "+orNothing(image.Platforms)+", and not for "+platform+" of "+hosts)
		}
	}
}

func orNothing(platforms []string) string {
	if len(platforms) == 0 {
		return "no platform"
	}
	return strings.Join(platforms, " and ")
}

// pulled checks an image that a script pulls.
func (c *check) pulled(m *moment, u *use) {
	for name := range m.on(u.text) {
		if m.reaches(u) {
			c.image(u.place, []string{name}, []*host{m.host})
		}
	}
}
