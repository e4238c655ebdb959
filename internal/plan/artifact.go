package plan

// Image is one container image that the bundle carries.
type Image struct {
	// Name is the full upstream reference with registry host and tag, such as
	// "docker.io/rancher/mirrored-flannelcni-flannel:v0.18.1".
	Name string
	// Platforms are the platforms of the hosts, sorted, such as "linux/amd64".
	Platforms []string
}

// File is one binary or archive that the bundle carries.
type File struct {
	// Path is the file's place in the bundle: "files/ARCH/NAME".
	Path string
	// URL is where upstream publishes the file.
	URL string
	// ChecksumURL is where upstream publishes its SHA-256; empty when upstream
	// publishes none, then the lock records what was found at first.
	ChecksumURL string
}

// Source maps a prefix of an upstream address to a mirror. Prefix is a
// registry host with an optional path ("registry.k8s.io") or the beginning of a
// URL ("https://dl.k8s.io"). A mirror of a registry is spelled
// "[http://]HOST[:PORT][/PATH]"; only "http://" there allows plain HTTP.
type Source struct {
	Prefix, Mirror string
}
