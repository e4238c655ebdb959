package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// knownAPIs is an excerpt of the schema's table.
var knownAPIs = []API{
	{Version: "v1", Kind: "Pod"}, {Version: "v1", Kind: "Service"}, {Version: "v1", Kind: "Event"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "apps", Version: "v1beta1", Kind: "Deployment", To: 15, Instead: "apps/v1"},
	{Group: "autoscaling", Version: "v1", Kind: "HorizontalPodAutoscaler"},
	{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
	{Group: "autoscaling", Version: "v2beta2", Kind: "HorizontalPodAutoscaler", To: 25, Instead: "autoscaling/v2"},
	{Group: "events.k8s.io", Version: "v1", Kind: "Event"},
	{Group: "events.k8s.io", Version: "v1beta1", Kind: "Event", To: 24},
	{Group: "extensions", Version: "v1beta1", Kind: "Ingress", To: 21, Instead: "networking.k8s.io/v1"},
	{Group: "flowcontrol.apiserver.k8s.io", Version: "v1", Kind: "FlowSchema", From: 29},
	{Group: "flowcontrol.apiserver.k8s.io", Version: "v1beta1", Kind: "FlowSchema", To: 25, Instead: "flowcontrol.apiserver.k8s.io/v1beta3"},
	{Group: "flowcontrol.apiserver.k8s.io", Version: "v1beta2", Kind: "FlowSchema", To: 28, Instead: "flowcontrol.apiserver.k8s.io/v1beta3"},
	{Group: "flowcontrol.apiserver.k8s.io", Version: "v1beta3", Kind: "FlowSchema", From: 26, To: 31, Instead: "flowcontrol.apiserver.k8s.io/v1"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}, {Group: "networking.k8s.io", Version: "v1", Kind: "IngressClass"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	{Group: "policy", Version: "v1beta1", Kind: "PodDisruptionBudget", To: 24, Instead: "policy/v1"},
	{Group: "policy", Version: "v1beta1", Kind: "PodSecurityPolicy", To: 24},
	{Group: "resource.k8s.io", Version: "v1", Kind: "ResourceClaim", From: 34},
	{Group: "resource.k8s.io", Version: "v1alpha3", Kind: "ResourceClaim", From: 31, To: 33, Instead: "resource.k8s.io/v1beta1"},
	{Group: "resource.k8s.io", Version: "v1beta1", Kind: "ResourceClaim", From: 32},
	{Group: "storagemigration.k8s.io", Version: "v1", Kind: "StorageVersionMigration", From: 37},
}

func TestCheckHoldsObjectsAgainstTheRelease(t *testing.T) {
	tests := []struct{ release, object, want string }{
		{"1.23.8", "v1 Pod", ""},
		{"1.23.8", "policy/v1beta1 PodSecurityPolicy", ""},
		{"1.24.17", "policy/v1beta1 PodDisruptionBudget", ""},
		{"1.25.0", "policy/v1beta1 PodDisruptionBudget", "Kubernetes 1.25.0 does not serve policy/v1beta1 PodDisruptionBudget: 1.24 was the last that did; use policy/v1"},
		{"1.25.0", "policy/v1beta1 PodSecurityPolicy", "Kubernetes 1.25.0 does not serve policy/v1beta1 PodSecurityPolicy: 1.24 was the last that did; nothing replaces it, so leave the object out"},
		{"1.25.0", "events.k8s.io/v1beta1 Event", "Kubernetes 1.25.0 does not serve events.k8s.io/v1beta1 Event: 1.24 was the last that did; use events.k8s.io/v1"},
		{"1.23.8", "extensions/v1beta1 Ingress", "Kubernetes 1.23.8 does not serve extensions/v1beta1 Ingress: 1.21 was the last that did; use networking.k8s.io/v1"},
		{"1.23.8", "autoscaling/v2beta2 HorizontalPodAutoscaler", ""},
		{"1.30.0", "flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema", "Kubernetes 1.30.0 does not serve flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema: 1.25 was the last that did; use flowcontrol.apiserver.k8s.io/v1beta3, which the API server may have to switch on with --runtime-config"},
		{"1.34.0", "flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema", "Kubernetes 1.34.0 does not serve flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema: 1.25 was the last that did; use flowcontrol.apiserver.k8s.io/v1"},
		{"1.23.8", "flowcontrol.apiserver.k8s.io/v1 FlowSchema", "Kubernetes 1.23.8 does not serve flowcontrol.apiserver.k8s.io/v1 FlowSchema: 1.29 is the first that does; use flowcontrol.apiserver.k8s.io/v1beta2"},
		{"1.30.0", "resource.k8s.io/v1 ResourceClaim", "Kubernetes 1.30.0 does not serve resource.k8s.io/v1 ResourceClaim: 1.34 is the first that does; leave the object out, or choose a newer release"},
		{"1.33.0", "resource.k8s.io/v1 ResourceClaim", "Kubernetes 1.33.0 does not serve resource.k8s.io/v1 ResourceClaim: 1.34 is the first that does; use resource.k8s.io/v1beta1, which the API server may have to switch on with --runtime-config"},
		{"1.33.0", "resource.k8s.io/v1alpha3 ResourceClaim", ""},

		{"1.34.0", "apps/v1 Deploymnet", "there is no Deploymnet in apps/v1; did you mean Deployment in apps/v1?"},
		{"1.34.0", "apps/v1 deployment", "there is no deployment in apps/v1; did you mean Deployment in apps/v1?"},
		{"1.34.0", "v1 Ingres", "there is no Ingres in v1; did you mean Ingress in networking.k8s.io/v1?"},
		{"1.34.0", "v1 Deployment", "there is no Deployment in v1; use apps/v1"},
		{"1.34.0", "apps/v3 Deployment", "there is no Deployment in apps/v3; use apps/v1"},
		{"1.34.0", "batch/v1 Job", ""}, // the excerpt has no batch
		{"1.34.0", "v1 CronTab", "there is no CronTab in v1; it has Pod, Service, Event"},
		{"1.34.0", "apps/v7 CronTab", "there is no CronTab in apps/v7; Kubernetes 1.34.0 serves apps/v1 of that group"},
		{"1.34.0", "extensions/v1beta1 CronTab", "there is no CronTab in extensions/v1beta1, and Kubernetes 1.34.0 serves nothing of that group"},
		{"1.34.0", "storagemigration.k8s.io/v1 StorageVersionMigration", "Kubernetes 1.34.0 does not serve storagemigration.k8s.io/v1 StorageVersionMigration: 1.37 is the first that does; leave the object out, or choose a newer release"},

		{"1.34.0", "snapshot.storage.k8s.io/v1 VolumeSnapshot", ""},
		{"1.34.0", "monitoring.coreos.com/v1 Prometheus", ""},
		{"1.38.0", "apps/v2 Deployment", ""},
		{"1.38.0", "policy/v1beta1 PodDisruptionBudget", "Kubernetes 1.38.0 does not serve policy/v1beta1 PodDisruptionBudget: 1.24 was the last that did; use policy/v1"},
		{"1.34.0", "apps/v1 " + strings.Repeat("A", 100), "there is no " + strings.Repeat("A", 57) + "... in apps/v1; it has Deployment"},
	}
	for _, c := range tests {
		apiVersion, kind, _ := strings.Cut(c.object, " ")
		text := fmt.Sprintf("---\nmetadata: {name: a}\nkind: %s\napiVersion:  %s\n", kind, apiVersion)
		file, problems := Parse("a.yaml", []byte(text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		got := ""
		for _, p := range file.Check(c.release, knownAPIs) {
			got += strings.TrimPrefix(p.String(), "a.yaml:4:14: ")
		}
		if got != c.want {
			t.Errorf("%s on %s:\ngot  %s\nwant %s", c.object, c.release, got, c.want)
		}
	}
}

func TestCheckTakesReleasesOnly(t *testing.T) {
	file, _ := Parse("a.yaml", []byte(pod("  {}\n")))
	for _, release := range []string{"", "1", "v1.23.8", "2.1.0", "1.x.0", "1.-3.0"} {
		problems := file.Check(release, knownAPIs)
		want := fmt.Sprintf("a.yaml:1:1: %q is no Kubernetes release; write it like 1.34.2", release)
		if len(problems) != 1 || problems[0].String() != want {
			t.Errorf("got %v, want %s", problems, want)
		}
	}
}
