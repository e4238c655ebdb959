package diff

import (
	"strings"
)

// kubeadmFacts are values of the first control plane's kubeadm.yaml: of keys at the
// left margin, and of keys below dns, etcd and networking. satchel writes the file, so
// its lines have one form; this is no reader of YAML.
func kubeadmFacts(c *cluster) map[string]string {
	facts := map[string]string{}
	if c.first == nil {
		return facts
	}
	section := ""
	for line := range strings.Lines(c.first.texts["kubeadm.yaml"].Data) {
		key, value, ok := strings.Cut(strings.TrimRight(line, "\n"), ":")
		if !ok {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		name := strings.TrimLeft(key, " ")
		switch {
		case name == key:
			section = key
			facts[key] = value
		case section == "bootstrapTokens" || section == "dns" || section == "etcd" || section == "networking":
			facts[section+"."+name] = value
		}
	}
	return facts
}

// fixed are what a cluster is born with, one row each: what it is called, the field of
// the spec, where the texts say it, and why it stays.
var fixed = []struct {
	name, field string
	value       func(c *cluster) string
	why         string
}{
	{
		"the cluster's name", "name", func(c *cluster) string { return c.side.Cluster },
		"hosts refuse a bundle of another cluster, and kubeadm's configuration in the cluster has the name",
	},
	{
		"the pods' subnet", "network.pods", fact("networking.podSubnet"),
		"each node has its range of it, and the pods their addresses",
	},
	{
		"the services' subnet", "network.services", fact("networking.serviceSubnet"),
		"services have their addresses of it, and so has the API server's certificate",
	},
	{
		"the services' domain", "kubernetes.dnsDomain", fact("networking.dnsDomain"),
		"kubelets, certificates and running pods have it",
	},
	{
		"the address of the Kubernetes API", "loadBalancer", fact("controlPlaneEndpoint"),
		"the nodes' kubeconfigs and the API servers' certificates have the old one; where a load balancer gives the old address up, nodes lose the API",
	},
}

func fact(name string) func(c *cluster) string {
	return func(c *cluster) string { return kubeadmFacts(c)[name] }
}

// leaving are what a node is joined with: where one of these of its host.env changes, it
// has to leave the cluster and join anew.
var leaving = []struct{ name, variable, why string }{
	{"address", "HOST_ADDRESS", "its certificates and its node have the old address"},
	{"container runtime", "CRI_SOCKET", "its pods run in the old runtime, and kubeadm noted the old socket"},
	{"architecture", "HOST_ARCH", "it is another machine"},
	{"operating system", "OS_FAMILY", "it is another machine"},
}
