//go:build lab && linux

package e2e

import "testing"

// repack puts the operating system's own Docker into the bundle's archive, in place of
// the stand-in: the same programs under the same names as in Docker's static archive.
const repack = `set -e
mkdir -p /root/docker && cd /root
cp $(command -v docker dockerd docker-init docker-proxy containerd containerd-shim-runc-v2 ctr runc) docker/
tar -czf /opt/bundle/files/amd64/docker.tgz docker
sum=$(sha256sum < /opt/bundle/files/amd64/docker.tgz)
sed -i "s#^[0-9a-f]*  files/amd64/docker.tgz#${sum%% *}  files/amd64/docker.tgz#" /opt/bundle/SHA256SUMS
systemctl disable --now --quiet docker.service docker.socket containerd.service || true
mount -t tmpfs tmpfs /var/lib/docker`

// dockerOnly is the course's Docker below its Kubernetes.
const dockerOnly = `package cluster

name: "docker"
domain: "superopsmsb.com"
kubernetes: version: "1.23.8"
network: {hosts: "10.0.0.0/24", flannel: version: "0.18.1"}
runtime: name: "docker"
hosts: {
	"kubernetes-master1": {address: "10.0.0.12", roles: ["control-plane"]}
	"kubernetes-node1": {address: "10.0.0.15", roles: ["worker"]}
	"kubernetes-register": {address: "10.0.0.20", roles: ["registry"]}
}
`

// TestDocker has the course's runtime step set up a real Docker of its time.
func TestDocker(t *testing.T) {
	k := makeKit(t, specOf(t, map[string]string{"cluster.cue": dockerOnly}))
	n, base := network(t, "10.0.0.0/24", append(nodePackages, "docker.io")...)
	m := k.boot(t, n, base, "kubernetes-node1")
	k.carry(t, m)
	on(t, m, repack)
	// Somebody has Docker running, with a container and volumes.
	on(t, m, `systemctl start docker && tar -C /root/docker -c docker-init | docker import - theirs:1 && docker volume create kept &&
		docker create --name theirs --volume /data theirs:1 /docker-init`)
	const install = "/opt/bundle/install.sh --secrets /root/secrets --only docker"
	says(t, on(t, m, install), "changed docker.tgz", "changed /etc/docker/daemon.json")
	says(t, on(t, m, "docker info 2>/dev/null"), "Cgroup Driver: systemd", "kubernetes-register.superopsmsb.com:5000", "Storage Driver: overlay2")
	on(t, m, "test $(readlink /proc/$(pgrep -x dockerd)/exe) = /usr/local/bin/dockerd")
	says(t, on(t, m, install), "nothing to change")

	// It pulls from the registry that satchel serves.
	register := k.boot(t, n, base, "kubernetes-register")
	k.carry(t, register)
	says(t, on(t, register, "/opt/bundle/install.sh"), "changed satchel-registry.service:started")
	on(t, m, "/opt/bundle/install.sh --secrets /root/secrets --only names")
	says(t, on(t, m, "docker pull kubernetes-register.superopsmsb.com:5000/registry.k8s.io/pause:3.6"), "Downloaded newer image")

	// reset takes the cluster's containers, and leaves those of before.
	on(t, m, "docker create --name ours --volume /data theirs:1 /docker-init")
	on(t, m, resets)
	if got := on(t, m, "docker ps --all --format '{{.Names}}'; docker volume ls --quiet | wc -l; readlink /proc/$(pgrep -x dockerd)/exe"); got != "theirs\n2\n/usr/sbin/dockerd\n" {
		t.Errorf("after the reset there is\n%s", got)
	}
}
