package render_test

import (
	"strings"
	"testing"
)

// firewalls stands in for firewalld: what is permanent counts from the reload on.
const firewalls = `#!/bin/bash
set -e
cd /var/lib/firewalld
list=runtime words=()
for word; do
	case $word in
	--permanent) list=permanent ;;
	--quiet) ;;
	--reload)
		if [[ -e /root/kill-at-reload ]]; then
			kill -KILL $PPID
			exit 1
		fi
		cp permanent runtime
		echo reload >>/var/log/firewalld
		exit
		;;
	--info-zone=*)
		echo "${word#*=}"
		if [[ $word == *=trusted ]]; then grep zone=trusted "$list" || true; else grep -v zone= "$list" || true; fi
		exit
		;;
	*) words+=("$word") ;;
	esac
done
rule="${words[*]}"
case $rule in
*--add-* | *--remove-*)
	# It writes all of a zone, and keeps what was there before.
	zone=/etc/firewalld/zones/public.xml
	if [[ $rule == *trusted* ]]; then zone=/etc/firewalld/zones/trusted.xml; fi
	if [[ -f $zone ]]; then cp $zone $zone.old; fi
	echo "<zone> with $rule" >$zone
	;;
esac
case $rule in
*--query-*) grep -qxF -e "${rule/--query-/--}" "$list" ;;
*--add-*) printf '%s\n' "${rule/--add-/--}" >>"$list" ;;
*--remove-*)
	grep -vxF -e "${rule/--remove-/--}" "$list" >new || true
	mv new "$list"
	;;
esac
`

// A firewall that was not told of what is permanent is told by the next run.
func TestFirewalldIsReloadedWhenARunWasKilled(t *testing.T) {
	r := newRoom(t, "05-preflight.sh 14-firewall.sh", "FIREWALL='firewalld'")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.write(t, "/opt/bin/firewall-cmd", firewalls)
	r.write(t, "/opt/bundle/hosts/x/firewall", "# what\ntcp 6443 the API\nfrom 10.244.0.0/16 pods\n")
	const zones = "find /etc/firewalld -type f -printf '%p %m %T@ ' -exec cat {} \\;"
	was := r.must(t, "mkdir -p /etc/firewalld/zones; echo '<zone> of somebody' >/etc/firewalld/zones/public.xml; touch -d @1000 /etc/firewalld/zones/public.xml; "+zones)
	out, err := r.run(t, "mkdir /var/lib/firewalld; touch /var/lib/firewalld/{permanent,runtime} /root/kill-at-reload\n"+roomInstall)
	if err == nil || r.read("/var/lib/firewalld/runtime") != "" || !strings.Contains(r.read("/var/lib/firewalld/permanent"), "--port=6443/tcp") {
		t.Fatalf("%v\n%s", err, out)
	}
	out = r.must(t, "rm /root/kill-at-reload; /opt/bundle/install.sh --host x --dry-run\n"+roomInstall)
	if !strings.Contains(out, "would change firewall:reloaded") || r.read("/var/lib/firewalld/runtime") != "--port=6443/tcp\n--source=10.244.0.0/16 --zone=trusted\n" {
		t.Errorf("the firewall has %q\n%s", r.read("/var/lib/firewalld/runtime"), out)
	}
	if out := r.must(t, roomInstall); !strings.Contains(out, "nothing to change") || r.read("/var/log/firewalld") != "reload\n" {
		t.Errorf("%s%s", out, r.read("/var/log/firewalld"))
	}
	out = r.must(t, roomReset)
	if got := r.read("/var/lib/firewalld/runtime"); got != "" {
		t.Errorf("after the reset the firewall has %q", got)
	}
	if is := r.must(t, zones); is != was {
		t.Errorf("after the reset the zones are\n%s\nnot\n%s\n%s", is, was, out)
	}

	// Where somebody has added a rule since, the files have to keep it.
	r.must(t, roomInstall+"\nfirewall-cmd --permanent --add-port=80/tcp")
	out = r.must(t, roomReset)
	if !strings.Contains(out, "the firewall's rules of public are others than before") || r.read("/var/lib/firewalld/permanent") != "--port=80/tcp\n" {
		t.Errorf("the firewall has %q\n%s", r.read("/var/lib/firewalld/permanent"), out)
	}
	if is := r.must(t, zones); !strings.Contains(is, "public.xml.old") || strings.Contains(is, "trusted") {
		t.Errorf("after a reset that keeps a rule the zones are\n%s", is)
	}
}

// The same with ufw, which writes a rule down before the kernel has it. Another one stands
// in for it.
func TestUFWIsReloadedWhenARunWasKilled(t *testing.T) {
	r := newRoom(t, "05-preflight.sh 14-firewall.sh", "FIREWALL='ufw'")
	r.write(t, "/opt/bin/systemctl", systemd)
	r.write(t, "/opt/bundle/hosts/x/firewall", "tcp 6443 the API\nudp 8472 flannel\n")
	r.write(t, "/opt/bin/ufw", `#!/bin/bash
cd /var/lib/ufw
case $1 in
show) sed 's/^/ufw /' rules ;;
reload) cp rules kernel ;;
delete) for list in rules kernel; do sed -i "\\#^${*:2}\$#d" "$list"; done ;;
allow)
	printf '%s\n' "$*" >>rules
	if [[ -e /root/kill ]]; then
		kill -KILL $PPID
		exit 1
	fi
	printf '%s\n' "$*" >>kernel
	;;
esac
`)
	out, err := r.run(t, "mkdir /var/lib/ufw; touch /var/lib/ufw/{rules,kernel} /root/kill\n"+roomInstall)
	if err == nil || r.read("/var/lib/ufw/rules") != "allow 6443/tcp\n" || r.read("/var/lib/ufw/kernel") != "" {
		t.Fatalf("%v\n%s", err, out)
	}
	r.must(t, "rm /root/kill\n"+roomInstall)
	if got := r.read("/var/lib/ufw/kernel"); got != "allow 6443/tcp\nallow 8472/udp\n" {
		t.Errorf("the kernel has %q", got)
	}
	if out := r.must(t, roomInstall); !strings.Contains(out, "nothing to change") {
		t.Error(out)
	}
	r.must(t, roomReset)
	if got := r.read("/var/lib/ufw/kernel") + r.read("/var/lib/ufw/rules"); got != "" {
		t.Errorf("after the reset there are %q", got)
	}
}
