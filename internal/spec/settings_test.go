package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cuelang.org/go/cue/cuecontext"
)

// The table is what Kubernetes' own sources say about all releases of the
// catalogue, field for field.
func TestSettingsAreThoseOfKubernetesSources(t *testing.T) {
	if testing.Short() {
		t.Skip("reads the configurations of fifteen releases")
	}
	want := map[string]setting{}
	for d := json.NewDecoder(bytes.NewReader(offline(t, true, "../../testdata/apis", "run", ".", "settings"))); d.More(); {
		var row struct {
			Component, Path string
			setting
		}
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		want[row.Component+" "+row.Path] = row.setting
	}
	if len(want) < 190 {
		t.Fatalf("the sources have only %d fields", len(want))
	}
	schema, err := compile(cuecontext.New(), settingsFile)
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]map[string]setting
	if err := lookup(schema, "settings").Decode(&table); err != nil {
		t.Fatal(err)
	}
	for component, fields := range table {
		for path, is := range fields {
			name := component + " " + path
			if is != want[name] {
				t.Errorf("schema/v1/settings.cue has for %s %+v, and Kubernetes' sources %+v", name, is, want[name])
			}
			delete(want, name)
		}
	}
	for name := range want {
		t.Errorf("Kubernetes' sources have %s, and schema/v1/settings.cue does not", name)
	}
}

const withSettings = `package cluster

name: "s"
hosts: cp1: {address: "10.0.0.11", roles: ["control-plane", "worker"]}
network: hosts: "10.0.0.0/24"
runtime: name:  "containerd"
registry: mode: "preload"
kubernetes: {
	version: %q
	%s
}
`

func TestSettingsAreHeldAgainstTheRelease(t *testing.T) {
	for _, c := range []struct{ version, settings, want string }{
		{"1.34.4", `kubelet: settings: imageGCHighThresholdPercent: 90`, ""},
		{"1.34.4", `kubelet: settings: {systemReserved: cpu: "100m", shutdownGracePeriod: "30s", authentication: anonymous: enabled: false, memoryThrottlingFactor: 0.8}`, ""},
		{"1.34.4", `kubeProxy: settings: {conntrack: tcpBeLiberal: true, nodePortAddresses: ["10.0.0.0/24"]}`, ""},
		{"1.25.0", `kubeProxy: settings: udpIdleTimeout: "1s"`, ""},
		{"1.34.4", `kubelet: settings: imageGcHighThresholdPercent: 80`, `kubernetes.kubelet.settings.imageGcHighThresholdPercent: given "imageGcHighThresholdPercent"; allowed: fields of KubeletConfiguration that 1.34 knows; did you mean imageGCHighThresholdPercent?`},
		{"1.34.4", `kubelet: settings: authentication: anyone: true`, `kubernetes.kubelet.settings.authentication.anyone: given "anyone"; allowed: fields of KubeletConfiguration that 1.34 knows below authentication`},
		{"1.28.0", `kubelet: settings: imageMaximumGCAge: "24h"`, `kubernetes.kubelet.settings.imageMaximumGCAge: given "imageMaximumGCAge"; allowed: fields of KubeletConfiguration that 1.28 knows; this one is known from 1.29 on`},
		{"1.34.4", `kubeProxy: settings: udpIdleTimeout: "1s"`, `kubernetes.kubeProxy.settings.udpIdleTimeout: given "udpIdleTimeout"; allowed: fields of KubeProxyConfiguration that 1.34 knows; this one is known up to 1.25`},
		{"1.34.4", `kubelet: settings: maxPods: 5`, `kubernetes.kubelet.settings.maxPods: given 5; allowed: nothing here: the spec has kubernetes.kubelet.maxPods for it`},
		{"1.34.4", `kubelet: settings: cgroupDriver: "cgroupfs"`, `kubernetes.kubelet.settings.cgroupDriver: given "cgroupfs"; allowed: nothing here: it is systemd, as for the runtime`},
		{"1.34.4", `kubelet: settings: podPidsLimit: "many"`, `kubernetes.kubelet.settings.podPidsLimit: given "many"; allowed: a whole number`},
		{"1.34.4", `kubelet: settings: podPidsLimit: 1.5`, `kubernetes.kubelet.settings.podPidsLimit: given 1.5; allowed: a whole number`},
		{"1.34.4", `kubelet: settings: seccompDefault: "yes"`, `kubernetes.kubelet.settings.seccompDefault: given "yes"; allowed: true or false`},
		{"1.34.4", `kubelet: settings: syncFrequency: 60`, `kubernetes.kubelet.settings.syncFrequency: given 60; allowed: a duration such as 1m30s`},
		{"1.34.4", `kubelet: settings: memorySwap: "LimitedSwap"`, `kubernetes.kubelet.settings.memorySwap: given "LimitedSwap"; allowed: fields in braces`},
		{"1.34.4", `kubelet: settings: allowedUnsafeSysctls: "net.*"`, `kubernetes.kubelet.settings.allowedUnsafeSysctls: given "net.*"; allowed: a list`},
		{"1.34.4", `kubelet: settings: systemReserved: ["cpu"]`, `kubernetes.kubelet.settings.systemReserved: given ["cpu"]; allowed: values by name, in braces`},
		{"1.34.4", `kubelet: settings: hairpinMode: null`, `kubernetes.kubelet.settings.hairpinMode: given null; allowed: a text`},
	} {
		file := filepath.Join(t.TempDir(), "cluster.cue")
		if err := os.WriteFile(file, fmt.Appendf(nil, withSettings, c.version, c.settings), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(file)
		var problems Problems
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.settings, err)
		case c.want != "" && !errors.As(err, &problems):
			t.Errorf("%s: got %v", c.settings, err)
		case c.want != "" && (len(problems) != 1 || problems[0].Line != 10 || problems[0].String() != problems[0].Position()+": "+c.want):
			t.Errorf("%s: got\n%v\nwant\n%s", c.settings, err, c.want)
		}
	}
}
