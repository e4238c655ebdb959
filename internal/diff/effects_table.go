package diff

// Kind says what a change does or asks for. The order is that of gravity.
type Kind string

// The kinds.
const (
	// Refused cannot be done in this way at all.
	Refused Kind = "refused"
	// Rebuild cannot be changed in a cluster that is there.
	Rebuild Kind = "rebuild"
	// Rejoin has the host leave the cluster and be installed anew.
	Rejoin Kind = "rejoin"
	// Upgrade takes kubeadm's upgrade.
	Upgrade Kind = "upgrade"
	// Drain moves pods away from the host.
	Drain Kind = "drain"
	// Manual is for a person to do.
	Manual Kind = "manual"
	// Install is the whole installation of a new host.
	Install Kind = "install"
	// Restart and Reload are about a unit of systemd.
	Restart Kind = "restart"
	Reload  Kind = "reload"
	// Apply brings a manifest to the cluster.
	Apply Kind = "apply"
	// Run has a step do something that restarts nothing.
	Run Kind = "run"
	// Later is in place after a rerun and not in force.
	Later Kind = "later"
	// Left stays on the host although the bundle has it no more.
	Left Kind = "left"
)

// Kinds are all of them, the gravest first.
var Kinds = []Kind{Refused, Rebuild, Rejoin, Upgrade, Drain, Manual, Install, Restart, Reload, Apply, Run, Later, Left}

// rule says what a step does when one file of the bundle is another one.
type rule struct {
	// file is its place: hosts/*/… of a host, units/…, files/*/… by architecture.
	file string
	step string
	kind Kind
	// what is the unit or the thing; said is the rest of the sentence, for kinds that do
	// not say all by themselves.
	what, said string
}

// rules are the one place that knows what the steps do with each file. A test holds them
// against the scripts.
var rules = []rule{
	{"hosts/*/hosts", "10-names.sh", Run, "/etc/hosts", "gets the new lines; nothing restarts"},
	{"hosts/*/firewall", "14-firewall.sh", Run, "the firewall", "opens what is new; what is no longer listed stays open"},
	{"hosts/*/chrony.conf", "16-time.sh", Restart, "chrony", ""},
	{"hosts/*/sshd_config", "18-sshd.sh", Reload, "sshd", "connections stay open"},
	{"hosts/*/satchel-routes.service", "25-routes.sh", Restart, "satchel-routes.service", ""},
	{"hosts/*/modules.conf", "30-kernel.sh", Run, "kernel modules", "that are new are loaded; others stay until the next boot"},
	{"hosts/*/sysctl.conf", "30-kernel.sh", Run, "kernel settings", "that are new are set; others keep their values until the next boot"},
	{"hosts/*/satchel-registry.service", "35-registry.sh", Restart, "satchel-registry.service", ""},
	{"bin/*", "35-registry.sh", Restart, "satchel-registry.service", ""},

	{"files/*/containerd.tar.gz", "40-containerd.sh", Restart, "containerd.service", containersStay},
	{"files/*/runc", "40-containerd.sh", Restart, "containerd.service", containersStay},
	{"units/containerd.service", "40-containerd.sh", Restart, "containerd.service", containersStay},
	{"hosts/*/config.toml", "40-containerd.sh", Restart, "containerd.service", containersStay},
	{"hosts/*/hosts.toml", "40-containerd.sh", Run, "containerd", "reads where the registry is at the next pull; nothing restarts"},
	{"hosts/*/registry-ca.crt", "40-containerd.sh", Run, "the runtime", "reads the registry's authority at the next pull; nothing restarts"},
	{"hosts/*/registry-ca.crt", "40-docker.sh", Run, "the runtime", "reads the registry's authority at the next pull; nothing restarts"},

	{"files/*/docker.tgz", "40-docker.sh", Restart, "docker.service", containersStop},
	{"units/docker.service", "40-docker.sh", Restart, "docker.service", containersStop},
	{"hosts/*/daemon.json", "40-docker.sh", Restart, "docker.service", containersStop},
	{"units/docker.socket", "40-docker.sh", Later, "docker.socket", nextStart},
	{"files/*/cri-dockerd.tgz", "42-cri-dockerd.sh", Restart, "cri-docker.service", ""},
	{"hosts/*/cri-docker.service", "42-cri-dockerd.sh", Restart, "cri-docker.service", ""},
	{"units/cri-docker.socket", "42-cri-dockerd.sh", Later, "cri-docker.socket", nextStart},

	{"bin/*", "42-harbor.sh", Run, "satchel", "is replaced; it pushes the images"},
	{"files/*/harbor-offline-installer.tgz", "42-harbor.sh", Restart, "harbor.service", "Harbor is prepared anew"},
	{"hosts/*/harbor.yml", "42-harbor.sh", Restart, "harbor.service", "Harbor is prepared anew"},
	{"hosts/*/harbor.service", "42-harbor.sh", Restart, "harbor.service", ""},
	{"files/*/docker-compose", "42-harbor.sh", Later, "docker-compose", "runs Harbor from its next start on"},
	{"hosts/*/harbor-accounts", "42-harbor.sh", Run, "Harbor", "gets the projects, users and roles that are new; none is removed or changed"},

	{"files/*/kubeadm", "50-kubernetes.sh", Later, "kubeadm", "is replaced; upgrade.sh runs it where the release is another one"},
	{"files/*/kubectl", "50-kubernetes.sh", Run, "kubectl", "is replaced"},
	{"files/*/kubelet", "50-kubernetes.sh", Restart, "kubelet.service", containersStay},
	{"files/*/crictl.tar.gz", "50-kubernetes.sh", Run, "crictl", "is replaced"},
	{"files/*/cni-plugins.tgz", "50-kubernetes.sh", Run, "the CNI plugins", "are replaced; pods that start use them"},
	{"hosts/*/crictl.yaml", "50-kubernetes.sh", Run, "crictl", "gets its configuration"},
	{"units/kubelet.service", "50-kubernetes.sh", Restart, "kubelet.service", containersStay},
	{"units/kubelet.service.d/10-kubeadm.conf", "50-kubernetes.sh", Restart, "kubelet.service", containersStay},
	{"hosts/*/kubeadm.yaml", "50-kubernetes.sh", Later, "kubeadm.yaml", "is replaced and not applied: kubeadm has run on these hosts, and a rerun of install.sh leaves the node as it is"},
	{"hosts/*/patches/*", "50-kubernetes.sh", Later, "kubeadm's patches", "are replaced and not applied: kubeadm has run on these hosts"},

	{"hosts/*/audit-policy.yaml", "57-apiserver.sh", Later, "the audit policy", "is replaced; the API server reads it when it restarts"},
	{"hosts/*/encryption.yaml", "57-apiserver.sh", Later, "the encryption of secrets", "is replaced; the API server reads it when it restarts. Another provider or key is refused: ./cluster.sh encryption brings it, on all control planes at once"},

	{"hosts/*/haproxy.cfg", "60-haproxy.sh", Reload, "haproxy.service", ""},
	{"hosts/*/keepalived.conf", "70-keepalived.sh", Reload, "keepalived.service", ""},
	{"hosts/*/check-haproxy.sh", "70-keepalived.sh", Run, "keepalived's check", "is replaced and used at once"},
	{"units/keepalived.service.d/satchel.conf", "70-keepalived.sh", Later, "keepalived.service", nextStart},
	{"hosts/*/kube-vip.init.yaml", "75-kube-vip.sh", Later, "kube-vip.init.yaml", "is for kubeadm init alone, which has run"},
	{"hosts/*/kube-vip.yaml", "85-kube-vip.sh", Restart, "the pod kube-vip", "the kubelet replaces it; the address of the API may be away for seconds"},

	{"hosts/*/dashboard-token", "90-manifests.sh", Run, "the command dashboard-token", "is replaced"},
}

const (
	containersStay = "containers go on running"
	containersStop = "its containers stop and start again"
	nextStart      = "is replaced; it counts from the next start on"
)

// without are files that no step puts anywhere: what they do shows elsewhere.
var without = map[string]bool{"host.env": true}
