package plan

import (
	"net"
	"strconv"
	"strings"

	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Registry is where the hosts pull images from; zero when images are preloaded.
type Registry struct {
	// Mode is embedded, harbor, external or preload.
	Mode string
	// Host is HOST[:PORT] as it stands in image names; the port is left out where it
	// is that of the scheme.
	Host string
	// Project is a path below it, or empty.
	Project string
	// Address is HOST:PORT by address, for a host that has no names yet.
	Address string
	// Scheme is http or https.
	Scheme string
	// CA is the authority's certificate as PEM where the spec has it, SecretCA says
	// that it is among the secrets.
	CA       string
	SecretCA bool
}

// URL is SCHEME://HOST.
func (r Registry) URL() string { return r.Scheme + "://" + r.Host }

// Trust says that hosts need a certificate to trust the registry.
func (r Registry) Trust() bool { return r.CA != "" || r.SecretCA }

// CertNames are the name and the address that its certificate is for.
func (r Registry) CertNames() []string {
	var names []string
	for _, at := range []string{r.Host, r.Address} {
		name, _, _ := strings.Cut(at, ":")
		names = append(names, name)
	}
	return names
}

func newRegistry(in v1.Cluster) Registry {
	r := Registry{Mode: in.Registry.Mode, Scheme: "http"}
	if r.Mode == "preload" {
		return r
	}
	if r.Mode == "external" {
		return r.external(in.Registry)
	}
	hosts := endpoints(in.Hosts, registryRole)
	if len(hosts) == 0 {
		return r
	}
	port := in.Registry.Port
	if r.Mode == "harbor" {
		r.Project = orDefault(in.Registry.Project, "google_containers")
		if in.Registry.Harbor.TLS {
			r.Scheme, r.SecretCA = "https", true
		}
	} else if port == 0 {
		port = 5000
	}
	if port == 0 {
		port = schemePort[r.Scheme]
	}
	r.Host = fqdn(hosts[0].Name, in.Domain)
	r.Address = net.JoinHostPort(hosts[0].Address, strconv.FormatInt(port, 10))
	// An image name needs a dot or a port in its first part to be one with a host.
	if port != schemePort[r.Scheme] || !strings.Contains(r.Host, ".") {
		r.Host = net.JoinHostPort(r.Host, strconv.FormatInt(port, 10))
	}
	return r
}

var schemePort = map[string]int64{"http": 80, "https": 443}

func (r Registry) external(in v1.Registry) Registry {
	r.Host, r.Project, r.CA = in.Address, in.Project, in.CA
	if !in.PlainHTTP {
		r.Scheme = "https"
	}
	r.Address = in.Address
	if _, _, err := net.SplitHostPort(in.Address); err != nil {
		r.Address = net.JoinHostPort(in.Address, strconv.FormatInt(schemePort[r.Scheme], 10))
	}
	return r
}

// Pull is how the hosts name an image: below the bundle's registry, with the
// upstream host as the first part of the path, so that two upstreams with one
// path never collide; under its own name when images are preloaded.
func (c *Cluster) Pull(image string) string {
	switch {
	case c.Registry.Host == "":
		return image
	case c.Registry.Project == "":
		return c.Registry.Host + "/" + image
	}
	return c.Registry.Host + "/" + c.Registry.Project + "/" + image
}
