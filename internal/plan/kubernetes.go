package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/satchel-kit/satchel/internal/spec"
	v1 "github.com/satchel-kit/satchel/schema/v1"
)

// Kubernetes is the release to install; versions are without a leading v, tags as
// they are.
type Kubernetes struct {
	Version, API, Etcd, CoreDNS, Pause, DNSDomain, TokenTTL string
	IgnorePreflightErrors                                   []string
	// FailCgroupV1, MaxPods and ConntrackMaxPerCore are empty where the default holds.
	FailCgroupV1, MaxPods, ConntrackMaxPerCore string
	// EvictionHard is printed in the order of the signals' names.
	EvictionHard map[string]string
	ResolvConf   string
	// KubeletSettings and ProxySettings are further fields of their configurations,
	// ConntrackSettings and IPVSSettings those of parts that satchel writes itself.
	KubeletSettings, ProxySettings, ConntrackSettings, IPVSSettings []Setting
	// FeatureGates are those of all components, KubeadmGates kubeadm's own.
	FeatureGates, KubeadmGates map[string]bool
	// ProxyMode is iptables, ipvs or nftables.
	ProxyMode, IPVSScheduler string
	StrictARP                bool
	// The flags of the control plane's parts, sorted by name.
	APIServerArgs, ControllerManagerArgs, SchedulerArgs, EtcdArgs []Arg
	// APIServerVolumes are the directories that those flags name.
	APIServerVolumes []Volume
	// Validity, CAValidity and Algorithm are empty where kubeadm's default holds.
	Validity, CAValidity, Algorithm string
	// Patches are sorted by file name.
	Patches []Patch
	// AuditLevel is empty without a log; AuditRules are JSON, one a rule.
	AuditLevel string
	AuditRules []map[string]any
	// Encryption is the provider of secrets at rest, or empty.
	Encryption string

	// Packages says that it comes as packages of the operating system.
	Packages bool

	minor int
}

// Arg is one flag of a component, without leading dashes.
type Arg struct{ Name, Value string }

// Setting is one field of a component's configuration.
type Setting struct {
	Name  string
	Value any
}

// Volume is a host's directory in a static pod.
type Volume struct {
	Name, Path string
	ReadOnly   bool
}

// Patch is one file of kubeadm's patches.
type Patch struct{ Name, Text string }

// The directories of the API server's own files on the control planes.
const (
	auditDir      = "/etc/kubernetes/audit"
	auditLogDir   = "/var/log/kubernetes/audit"
	encryptionDir = "/etc/kubernetes/encryption"
)

// V1beta3 says that kubeadm's configuration has the older form.
func (k Kubernetes) V1beta3() bool { return k.API == "v1beta3" }

// TokenSecrets says that kubectl cannot make tokens of accounts yet.
func (k Kubernetes) TokenSecrets() bool { return k.minor < 24 }

func newKubernetes(s *spec.Spec, r Runtime) Kubernetes {
	in := s.Cluster.Kubernetes
	k := Kubernetes{
		Version: in.Version, API: s.Release.Kubeadm,
		Etcd: s.Release.Etcd, CoreDNS: s.Release.Coredns, Pause: s.Release.Pause,
		DNSDomain: in.DNSDomain, TokenTTL: in.TokenTTL,
		IgnorePreflightErrors: in.IgnorePreflightErrors,
		EvictionHard:          in.Kubelet.EvictionHard,
		FailCgroupV1:          printed(in.Kubelet.FailCgroupV1),
		ResolvConf:            in.Kubelet.ResolvConf,
		ConntrackMaxPerCore:   printed(in.KubeProxy.ConntrackMaxPerCore),
		KubeletSettings:       settings(in.Kubelet.Settings),
		ProxySettings:         settings(in.KubeProxy.Settings, "conntrack", "ipvs"),
		ConntrackSettings:     settings(below(in.KubeProxy.Settings, "conntrack")),
		IPVSSettings:          settings(below(in.KubeProxy.Settings, "ipvs")),
		FeatureGates:          in.FeatureGates,
		KubeadmGates:          in.KubeadmFeatureGates,
		ProxyMode:             in.KubeProxy.Mode, IPVSScheduler: in.KubeProxy.Ipvs.Scheduler,
		StrictARP: in.KubeProxy.Ipvs.StrictARP || s.Cluster.LoadBalancer.Mode == "kube-vip",
		Validity:  in.Certificates.Validity, Algorithm: in.Certificates.Algorithm, CAValidity: in.Certificates.CAValidity,
		Packages: in.From == "packages",
		minor:    minor(in.Version),
	}
	if in.Kubelet.MaxPods > 0 {
		k.MaxPods = strconv.FormatInt(in.Kubelet.MaxPods, 10)
	}
	for _, name := range sortedKeys(in.Patches) {
		k.Patches = append(k.Patches, Patch{Name: name, Text: in.Patches[name]})
	}
	if in.Audit.Level != "none" {
		k.AuditLevel, k.AuditRules = in.Audit.Level, in.Audit.Rules
		k.APIServerVolumes = append(k.APIServerVolumes,
			Volume{Name: "audit", Path: auditDir, ReadOnly: true}, Volume{Name: "audit-log", Path: auditLogDir})
	}
	if in.Encryption != "none" {
		k.Encryption = in.Encryption
		k.APIServerVolumes = append(k.APIServerVolumes, Volume{Name: "encryption", Path: encryptionDir, ReadOnly: true})
	}
	k.addArgs(in, r)
	return k
}

// addArgs collects the components' flags; what the spec says itself wins.
func (k *Kubernetes) addArgs(in v1.Kubernetes, r Runtime) {
	api, others := map[string]string{}, map[string]string{}
	if gates := printedGates(in.FeatureGates); gates != "" {
		others["feature-gates"] = gates
	}
	gates := maps.Clone(in.FeatureGates)
	if r.CRIDockerd != "" && k.minor >= 36 {
		// cri-dockerd does not speak what kubelets expect of it with this gate
		// (kubernetes/minikube, pkg/minikube/bootstrapper/kubeadm).
		if gates == nil {
			gates = map[string]bool{}
		}
		if _, given := gates["ExtendWebSocketsToKubelet"]; !given {
			gates["ExtendWebSocketsToKubelet"] = false
		}
	}
	if text := printedGates(gates); text != "" {
		api["feature-gates"] = text
	}
	if k.AuditLevel != "" {
		api["audit-policy-file"] = auditDir + "/policy.yaml"
		api["audit-log-path"] = auditLogDir + "/audit.log"
		api["audit-log-maxage"] = fmt.Sprint(in.Audit.MaxAge)
		api["audit-log-maxbackup"] = fmt.Sprint(in.Audit.MaxBackups)
		api["audit-log-maxsize"] = fmt.Sprint(in.Audit.MaxSize)
	}
	if k.Encryption != "" {
		api["encryption-provider-config"] = encryptionDir + "/config.yaml"
	}
	k.APIServerArgs = args(api, in.ExtraArgs.APIServer)
	k.ControllerManagerArgs = args(others, in.ExtraArgs.ControllerManager)
	k.SchedulerArgs = args(others, in.ExtraArgs.Scheduler)
	k.EtcdArgs = args(nil, in.ExtraArgs.Etcd)
}

// args are flags sorted by name; those of the spec win.
func args(own map[string]string, given v1.Flags) []Arg {
	all := maps.Clone(own)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, given)
	var list []Arg
	for _, name := range sortedKeys(all) {
		list = append(list, Arg{Name: name, Value: all[name]})
	}
	return list
}

// settings are fields sorted by name, but for some.
func settings(given map[string]any, but ...string) []Setting {
	var list []Setting
	for _, name := range sortedKeys(given) {
		if !slices.Contains(but, name) {
			list = append(list, Setting{Name: name, Value: given[name]})
		}
	}
	return list
}

// below are the fields of a struct among others.
func below(given map[string]any, name string) map[string]any {
	fields, _ := given[name].(map[string]any) // the spec lets nothing else through
	return fields
}

// printedGates is "A=true,B=false", sorted.
func printedGates(gates map[string]bool) string {
	var list []string
	for name, on := range gates {
		list = append(list, name+"="+strconv.FormatBool(on))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// minor is 34 of "1.34.4"; the rules let no other form through.
func minor(version string) int {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return 0
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return n
}

// printed is an optional value as text, empty where the spec has none.
func printed[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}
