//go:build lab && linux

package e2e

import (
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// pretend answers as the registry would, a day in the past.
const pretend = `cat > /root/pretend.cfg <<'EOF'
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend registry
    bind 10.0.0.20:80
    http-request return status 200 hdr Date "DATE"
EOF
sed -i "s/DATE/$(date -u -d yesterday '+%a, %d %b %Y %T GMT')/" /root/pretend.cfg && systemd-run --quiet --unit pretend haproxy -W -f /root/pretend.cfg`

// TestRefusals gives a node what it must refuse, and holds that it changes nothing.
func TestRefusals(t *testing.T) {
	k := makeKit(t, "../../../bundles/course-ha")
	n, base := network(t, "10.0.0.0/24", systemPackages...)
	m := k.boot(t, n, base, "kubernetes-node1")
	register := k.boot(t, n, base, "kubernetes-register")
	k.carry(t, m)
	const install = "SATCHEL_WAIT=3 /opt/bundle/install.sh --secrets "

	for _, tt := range []struct{ name, prepare, command, want string }{
		{"no secrets", "", "SATCHEL_WAIT=3 /opt/bundle/install.sh",
			"the secret bootstrap-token is missing; give --secrets FILE"},
		{"secrets of another cluster", "sed 's/^cluster=.*/cluster=elsewhere/' /root/secrets > /root/s1 && chmod 600 /root/s1", install + "/root/s1",
			"the secrets are those of the cluster elsewhere, this bundle is of course-ha"},
		{"secrets of another host", "grep -v ^ca-hash= /root/secrets > /root/s2 && chmod 600 /root/s2", install + "/root/s2",
			"the secret ca-hash is missing"},
		{"clock a day behind", "sed \"s/^created=.*/created=$(date -d tomorrow +%s)/\" /root/secrets > /root/s3 && chmod 600 /root/s3", install + "/root/s3",
			"which is before the secrets were made"},
		{"host of another cluster", "mkdir -p /var/lib/satchel && echo elsewhere > /var/lib/satchel/cluster", install + "/root/secrets",
			"this host belongs to the cluster elsewhere"},
		{"registry host down", "rm -r /var/lib/satchel", install + "/root/secrets",
			"the registry at 10.0.0.20:80 did not come within 3 seconds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			on(t, m, "true; "+tt.prepare)
			refuses(t, m, tt.command, tt.want)
		})
	}
	on(t, register, pretend)
	t.Run("clock a day ahead", func(t *testing.T) {
		refuses(t, m, install+"/root/secrets", "seconds apart from that of the registry host")
	})
}

func refuses(t *testing.T, m *lab.Machine, command, want string) {
	t.Helper()
	before := on(t, m, state)
	says(t, fails(t, m, command), want)
	if after := on(t, m, state); after != before {
		t.Error("the host was changed")
	}
}
