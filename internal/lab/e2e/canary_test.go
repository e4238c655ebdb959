//go:build lab && linux

package e2e

import (
	"testing"

	"github.com/satchel-kit/satchel/internal/lab"
)

// lookFor has what finds words on a host: in the logs of the system and of all pods, in
// systemd's journal, in ours, in what scripts said, and in arguments and environments of
// processes. The words are read from a file, so they are in no argument of its own.
const lookFor = `words() { # the secrets of this host, in each form that they have
	while IFS='=' read -r name value; do
		case $name in cluster | created | *-crt | *-hash | *-name | *-pub) continue ;; esac
		if [[ ${#value} -lt 8 ]]; then continue; fi
		printf '%s\n' "$value"
		if [[ $(base64 -d <<<"$value" 2>/dev/null | tr -d '\0') == -----BEGIN* ]]; then base64 -d <<<"$value" 2>/dev/null | sed -n 2p; fi
	done < /root/secrets
}
places() { # FILE
	grep -arlF -f "$1" /var/log /var/lib/satchel/journal /root/said /root/out /run/arguments 2>/dev/null
	if journalctl --no-pager -o export | grep -aqF -f "$1"; then echo journalctl; fi
}
umask 077
words > /run/words && test -s /run/words || exit 1
`

// hasNoSecrets holds that no secret of the host is where it may not be.
func hasNoSecrets(t *testing.T, m *lab.Machine, when string) {
	t.Helper()
	if found := on(t, m, lookFor+"places /run/words; rm /run/words"); found != "" {
		t.Errorf("%s, secrets of %s are in\n%s", when, m.Name(), found)
	}
}

// watchArguments keeps what arguments and environments of processes have of the words.
const watchArguments = `echo plantedAndFound >/run/planted
systemd-run --quiet --unit arguments bash -c 'while :; do
	cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\0" "\n" | grep -aF -f /run/words -f /run/planted >>/run/arguments; sleep 0.05
done'`

// tellsNoSecrets has the scripts say what they can say, also where they fail, and holds
// that no secret is in that. Words that are planted show that they would be found.
func tellsNoSecrets(t *testing.T, m *lab.Machine) {
	t.Helper()
	on(t, m, lookFor+watchArguments)
	for _, command := range []string{
		"rm /etc/kubernetes/kubeadm.yaml && " + installs + " --dry-run",
		installs,
		"/opt/bundle/status.sh --secrets /root/secrets",
		"/opt/bundle/reset.sh --dry-run",
	} {
		on(t, m, "{ "+command+"; } >>/root/said 2>&1")
	}
	// A line that is no setting, keys that are damaged where there are some, a step that fails.
	for _, command := range []string{
		"sed 's/^bootstrap-token=/bootstrap-token /' /root/secrets >/root/s1 && chmod 600 /root/s1 && /opt/bundle/install.sh --secrets /root/s1",
		"grep -q -e -key= /root/secrets && sed 's/-key=/-key=!/' /root/secrets >/root/s1 && chmod 600 /root/s1 && /opt/bundle/install.sh --secrets /root/s1",
		"cp -a /etc/hosts /root/hosts && echo '# BEGIN satchel single' >>/etc/hosts && " + installs,
	} {
		on(t, m, "! { "+command+"; } >>/root/said 2>&1")
	}
	on(t, m, "cp -a /root/hosts /etc/hosts && rm -f /root/hosts /root/s1 && "+installs+" >>/root/said 2>&1")
	says(t, on(t, m, "cat /root/said"), "would change /etc/kubernetes/kubeadm.yaml", "nothing to change", "not NAME=VALUE", "without '# END satchel single'")

	on(t, m, `word=plantedAndFound; echo $word >/var/log/planted; echo $word >/var/lib/satchel/journal/planted; echo $word >>/root/said; echo $word | systemd-cat
		bash -c 'sleep 2; true' $word; systemctl stop arguments; journalctl --sync`)
	says(t, on(t, m, lookFor+"places /run/planted; rm /run/planted /var/log/planted /var/lib/satchel/journal/planted"),
		"/var/log/planted\n", "/var/lib/satchel/journal/planted\n", "/root/said\n", "/run/arguments\n", "journalctl\n")
	says(t, on(t, m, lookFor+"grep -aqF -f /run/words /root/secrets && echo found"), "found")
	hasNoSecrets(t, m, "after installs and failures")
	on(t, m, "rm /root/said /run/arguments")
}
