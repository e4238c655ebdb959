package plan

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Manifest is one file below manifests/.
type Manifest struct {
	// Path is relative to manifests/.
	Path string
	// Template is relative to the templates' manifests/; empty for a user's own.
	Template string
	// Workload is what the template of an application or of services prints.
	Workload *Workload
	// Text is a user's own manifest with its images rewritten.
	Text []byte
}

// Dashboard is the Kubernetes dashboard.
type Dashboard struct {
	Version string
	// Image and Scraper are references as the nodes pull them.
	Image, Scraper string
	NodePort       int64
	Admin          bool
	// TokenCommand prints a token of its account.
	TokenCommand string
}

// scrapers are the images that each dashboard's own manifest names beside it
// (kubernetes/dashboard, aio/deploy/recommended.yaml).
var scrapers = map[string]string{"2.5.1": "v1.0.7", "2.7.0": "v1.0.8"}

func newDashboard(in v1.Cluster, c *Cluster) *Dashboard {
	d := in.Addons.Dashboard
	if d == nil {
		return nil
	}
	images := dashboardImages(d)
	out := &Dashboard{
		Version: d.Version, NodePort: d.NodePort, Admin: d.Admin,
		Image: c.Pull(images[0]), Scraper: c.Pull(images[1]),
		TokenCommand: "kubectl --namespace kubernetes-dashboard create token dashboard-admin",
	}
	if c.Kubernetes.minor < 24 {
		// kubectl makes tokens from 1.24 on; before, they are in secrets.
		out.TokenCommand = "kubectl --namespace kubernetes-dashboard get secret dashboard-admin-token -o 'go-template={{.data.token | base64decode}}'"
	}
	return out
}

func dashboardImages(d *v1.Dashboard) []string {
	return []string{
		"docker.io/kubernetesui/dashboard:v" + d.Version,
		"docker.io/kubernetesui/metrics-scraper:" + scrapers[d.Version],
	}
}

// Workload is an application with its services, or services alone.
type Workload struct {
	// Namespaces are made first: those that Kubernetes does not have by itself.
	Namespaces  []string
	Application *Application
	Services    []Service
}

// Application is a Deployment and the files that its pods see.
type Application struct {
	Name, Namespace, Image string
	Replicas               int64
	Labels                 map[string]string
	Ports                  []int64
	Command, Args          []string
	Env                    map[string]string
	Files                  []AppFile
}

// AppFile is one file of an application's ConfigMap.
type AppFile struct{ Key, Path, Text string }

// Service is a Kubernetes service.
type Service struct {
	v1.Service
	Name, Namespace string
	Labels          map[string]string
	Selector        map[string]string
}

// Headless says that the service has no address of its own.
func (s Service) Headless() bool { return s.Type == "Headless" }

// manifests are all files of manifests/, in the order in which they are applied.
func manifests(s *spec.Spec, c *Cluster) []Manifest {
	list := []Manifest{{Path: "flannel.yaml", Template: "flannel.yaml.tmpl"}}
	if c.DNS.Custom {
		list = append(list, Manifest{Path: "coredns.yaml", Template: "coredns.yaml.tmpl"})
	}
	if c.Dashboard != nil {
		list = append(list, Manifest{Path: "dashboard.yaml", Template: "dashboard.yaml.tmpl"})
	}
	list = append(list, workloads(s.Cluster, c)...)
	for _, f := range s.Manifests {
		list = append(list, Manifest{Path: path.Join("site", f.Path), Text: f.Rewrite(c.Pull)})
	}
	return list
}

// workloads are one manifest for each application with the services that belong to
// it, and one for all other services.
func workloads(in v1.Cluster, c *Cluster) []Manifest {
	var list []Manifest
	alone := Workload{}
	own := map[string][]Service{}
	for _, name := range sortedKeys(in.Services) {
		svc := newService(in, name)
		if app := in.Services[name].Application; app != "" {
			own[app] = append(own[app], svc)
		} else {
			alone.Services = append(alone.Services, svc)
			alone.Namespaces = append(alone.Namespaces, svc.Namespace)
		}
	}
	for _, name := range sortedKeys(in.Applications) {
		w := &Workload{Application: newApplication(in, c, name), Services: own[name]}
		w.Namespaces = []string{w.Application.Namespace}
		list = append(list, Manifest{Path: "application-" + name + ".yaml", Template: "workload.yaml.tmpl", Workload: w})
	}
	if len(alone.Services) > 0 {
		list = append(list, Manifest{Path: "services.yaml", Template: "workload.yaml.tmpl", Workload: &alone})
	}
	for _, m := range list {
		m.Workload.Namespaces = slices.DeleteFunc(m.Workload.Namespaces, builtIn)
		slices.Sort(m.Workload.Namespaces)
		m.Workload.Namespaces = slices.Compact(m.Workload.Namespaces)
	}
	return list
}

func builtIn(namespace string) bool {
	return namespace == "default" || strings.HasPrefix(namespace, "kube-")
}

func newApplication(in v1.Cluster, c *Cluster, name string) *Application {
	a := in.Applications[name]
	image, _ := canonical(a.Image)
	out := &Application{
		Name: name, Namespace: a.Namespace, Image: c.Pull(image), Replicas: a.Replicas,
		Labels: appLabels(in, name), Ports: a.Ports, Command: a.Command, Args: a.Args, Env: a.Env,
	}
	for _, file := range sortedKeys(a.Files) {
		// A ConfigMap's key may not hold a slash.
		key := strings.ReplaceAll(strings.TrimPrefix(file, "/"), "/", "_")
		out.Files = append(out.Files, AppFile{Key: key, Path: file, Text: spec.WithNewline(a.Files[file])})
	}
	return out
}

func appLabels(in v1.Cluster, name string) map[string]string {
	if labels := in.Applications[name].Labels; len(labels) > 0 {
		return labels
	}
	return map[string]string{"app": name}
}

func newService(in v1.Cluster, name string) Service {
	svc := in.Services[name]
	out := Service{
		Service: svc, Name: name,
		Namespace: orDefault(svc.Namespace, "default"),
		Labels:    svc.Labels, Selector: svc.Selector,
	}
	if app, ok := in.Applications[svc.Application]; ok {
		out.Namespace = orDefault(svc.Namespace, app.Namespace)
		if len(svc.Selector) == 0 {
			out.Selector = appLabels(in, svc.Application)
		}
	}
	if len(out.Labels) == 0 {
		out.Labels = map[string]string{"app": name}
	}
	return out
}

// recipe is how satchel makes a derived image.
func recipe(s *spec.Spec, name string) *Recipe {
	in := s.Cluster.DerivedImages[name]
	base, _ := canonical(in.Base)
	r := &Recipe{
		Base: base, Entrypoint: in.Entrypoint, Command: in.Command,
		WorkingDir: in.WorkingDir, User: in.User, Labels: maps.Clone(in.Labels),
	}
	for _, f := range s.ImageFiles[name] {
		r.Files = append(r.Files, RecipeFile{Path: f.Path, Mode: f.Mode, Data: f.Data})
	}
	for _, key := range sortedKeys(in.Env) {
		r.Env = append(r.Env, key+"="+in.Env[key])
	}
	for _, port := range in.Ports {
		r.Ports = append(r.Ports, fmt.Sprintf("%d/tcp", port))
	}
	slices.Sort(r.Ports)
	return r
}
