package render_test

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/secrets"
)

// need finds a real program. Where it is missing the test is skipped, but not where
// SATCHEL_TOOLS=required says that all are installed.
func need(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatalf("%s is missing: install Debian's package %s", program, debianPackage)
	}
	t.Skipf("%s is missing: install Debian's package %s", program, debianPackage)
	return ""
}

// quiet runs a validator and reports all that it says on failure.
func quiet(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// clusterSecrets are made once: keys take time.
var clusterSecrets = sync.OnceValue(func() secrets.Set {
	set, err := secrets.New(secrets.Request{
		Cluster: "test", Now: time.Unix(0, 0), RegistryNames: []string{"registry"},
		Names: []string{"encryption-key", "registry-crt", "harbor-admin-password", "harbor-database-password", "harbor-user-shuji"},
	})
	if err != nil {
		panic(err)
	}
	return set
})

// fill has the steps' own library replace the marks of a host's file by secrets.
func fill(t *testing.T, dir, host, file string) string {
	t.Helper()
	set := clusterSecrets()
	keys := filepath.Join(t.TempDir(), "secrets")
	if err := set.WriteFile(keys, nil); err != nil {
		t.Fatal(err)
	}
	hostDir := filepath.Join(dir, "hosts", host)
	cmd := exec.Command("bash", "-c", `. "$BUNDLE/steps/lib.sh"; fill "$1"`, "fill", filepath.Join(hostDir, file))
	cmd.Env = append(os.Environ(), "BUNDLE="+dir, "HOST_DIR="+hostDir, "SECRETS="+keys, "DRY_RUN=", "CHANGE_LIST=/dev/null")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("filling %s: %v\n%s", file, err, said.String())
	}
	if bytes.Contains(out.Bytes(), []byte("@secret:")) {
		t.Errorf("%s of %s still has marks", file, host)
	}
	filled := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(filled, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return filled
}

func TestShellcheckAcceptsTheScripts(t *testing.T) {
	shellcheck := need(t, "shellcheck", "shellcheck")
	// Most scripts are the same in all trees; once is enough.
	var seen sync.Map
	eachTree(t, func(t *testing.T, _ *plan.Plan, rendered render.Tree, dir string) {
		args := []string{shellcheck, "--external-sources", "--source-path=" + dir}
		for _, f := range rendered {
			if _, again := seen.LoadOrStore(string(f.Data), true); !again && strings.HasSuffix(f.Path, ".sh") {
				args = append(args, f.Path)
			}
		}
		if len(args) > 3 {
			quiet(t, dir, args...)
		}
	})
}

func TestHaproxyAcceptsItsConfig(t *testing.T) {
	haproxy := need(t, "haproxy", "haproxy")
	eachBalancer(t, func(t *testing.T, dir, host string) {
		quiet(t, dir, haproxy, "-c", "-f", fill(t, dir, host, "haproxy.cfg"))
	})
}

func TestKeepalivedAcceptsItsConfig(t *testing.T) {
	keepalived := need(t, "keepalived", "keepalived")
	// keepalived wants the check to be there, and the interface to exist.
	eachBalancer(t, func(t *testing.T, dir, host string) {
		file := fill(t, dir, host, "keepalived.conf")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check := filepath.Join(dir, "hosts", host, "check-haproxy.sh")
		changed := strings.ReplaceAll(string(text), "/etc/keepalived/check-haproxy.sh", check)
		changed = hostInterface.ReplaceAllString(changed, anInterface(t))
		if changed == string(text) {
			t.Fatal("the config names neither the check nor the interface")
		}
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(keepalived, "--config-test", "--use-file="+file)
		if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// hostInterface are the names of interfaces in the specs.
var hostInterface = regexp.MustCompile(`\b(eth0|ens3)\b`)

// anInterface is one of this machine's that VRRP could use.
func anInterface(t *testing.T) string {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagMulticast != 0 {
			return i.Name
		}
	}
	t.Skip("keepalived wants a network interface beside loopback, and there is none")
	return ""
}

func eachBalancer(t *testing.T, check func(t *testing.T, dir, host string)) {
	seen := 0
	eachTree(t, func(t *testing.T, p *plan.Plan, _ render.Tree, dir string) {
		for _, h := range p.Hosts {
			if h.Balancer {
				seen++
				check(t, dir, h.Name)
			}
		}
	})
	if seen < 5 {
		t.Errorf("saw only %d load balancers", seen)
	}
}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	analyze := need(t, "systemd-analyze", "systemd")
	eachTree(t, func(t *testing.T, p *plan.Plan, _ render.Tree, dir string) {
		// The programs are not on this machine, so stand-ins take their places.
		units := t.TempDir()
		stand := filepath.Join(units, "program")
		if err := os.WriteFile(stand, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		var files []string
		for _, unit := range p.Units {
			text, err := os.ReadFile(filepath.Join(dir, "units", unit))
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.NewReplacer("/usr/local/bin/kubelet", stand, "/usr/local/bin/dockerd", stand,
				"/usr/local/bin/containerd", stand, "/sbin/modprobe", stand).Replace(string(text))
			file := filepath.Join(units, unit)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(unit, "/") {
				files = append(files, file)
			}
		}
		for _, h := range p.Hosts {
			for _, c := range h.Configs {
				if strings.HasSuffix(c.Path, ".service") {
					text, err := os.ReadFile(filepath.Join(dir, "hosts", h.Name, c.Path))
					if err != nil {
						t.Fatal(err)
					}
					file := filepath.Join(units, c.Path)
					if err := os.WriteFile(file, programsOfTheBundle.ReplaceAll(text, []byte(stand)), 0o644); err != nil {
						t.Fatal(err)
					}
					files = append(files, file)
				}
			}
		}
		if slices.Contains(p.Units, "keepalived.service.d/satchel.conf") {
			own := filepath.Join(units, "keepalived.service")
			if err := os.WriteFile(own, []byte("[Service]\nExecStart="+stand+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			files = append(files, own)
		}
		if len(p.Seats) > 0 {
			return // the seats have the hosts, and the units with them
		}
		cmd := exec.Command(analyze, append([]string{"verify", "--man=no", "--recursive-errors=no"}, files...)...)
		cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+units+":")
		out, err := cmd.CombinedOutput()
		if err != nil || bytes.Contains(out, []byte(units)) {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
	})
}

// programsOfTheBundle are on a host only when the bundle is installed.
var programsOfTheBundle = regexp.MustCompile(`/usr/local/bin/(satchel|docker-compose|cri-dockerd)`)

func TestDaemonJSONIsStrictlyDockers(t *testing.T) {
	dir := t.TempDir()
	_, rendered := tree(t, "../../bundles/course-ha/cluster.cue")
	if err := rendered.Write(filepath.Join(dir, "tree")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "tree/hosts/kubernetes-master1/daemon.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		ExecOpts           []string          `json:"exec-opts"`
		InsecureRegistries []string          `json:"insecure-registries"`
		StorageDriver      string            `json:"storage-driver"`
		LogDriver          string            `json:"log-driver"`
		LogOpts            map[string]string `json:"log-opts"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(config.ExecOpts, []string{"native.cgroupdriver=systemd"}) ||
		!slices.Equal(config.InsecureRegistries, []string{"kubernetes-register.superopsmsb.com"}) {
		t.Errorf("daemon.json is %+v", config)
	}
}
