package check

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/scheme"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/pubkeypin"
	"sigs.k8s.io/yaml"
)

const kubeadmGroup = "kubeadm.k8s.io"

// firstRelease is the oldest Kubernetes release whose kubeadm reads an API
// version. kubeadm itself refuses a control plane older than its own
// predecessor; that check is lowered to this release, so that a program can judge
// for a release that has none of its own. It is the only check of kubeadm's that is
// changed. A field that came to the API version after the wanted release is
// noticed only by a program of that release.
var firstRelease = map[string]string{
	"v1beta3": "v1.22.0",
	"v1beta4": "v1.31.0",
}

// Kubeadm judges a kubeadm configuration: every document is decoded strictly,
// component configurations are validated by the component's own code, and the
// file as a whole by the release's kubeadm.
func (r Release) Kubeadm(content []byte) []error {
	docs, problems := split(content)
	for _, d := range docs {
		if err := checkKubeadmDocument(d); err != nil {
			problems = append(problems, d.wrap(err))
		}
	}
	if len(problems) > 0 {
		return problems
	}
	if err := r.validateTogether(docs, content); err != nil {
		return []error{err}
	}
	return nil
}

func checkKubeadmDocument(d document) error {
	if validate, ok := components[d.gvk.Group]; ok {
		return validate(d.content)
	}
	if d.gvk.Group != kubeadmGroup {
		return fmt.Errorf("kubeadm knows no API group %q", d.gvk.Group)
	}
	if want := ConfigAPI(); d.gvk.Version != want {
		return fmt.Errorf("apiVersion is %q, this kubeadm writes %q", d.gvk.GroupVersion(), kubeadmGroup+"/"+want)
	}
	if _, err := decodeStrictly(scheme.Scheme, d.content); err != nil {
		return err
	}
	switch d.gvk.Kind {
	case constants.ClusterConfigurationKind:
		return checkVersionGiven(d.content)
	case constants.JoinConfigurationKind:
		return checkHashes(d.content)
	}
	return nil
}

// ConfigAPI is the version of the configuration API that this kubeadm writes.
func ConfigAPI() string {
	return scheme.Scheme.PrioritizedVersionsForGroup(kubeadmGroup)[0].Version
}

// checkVersionGiven keeps kubeadm from asking the internet what "stable" is.
func checkVersionGiven(content []byte) error {
	var cluster struct {
		KubernetesVersion string `json:"kubernetesVersion"`
	}
	if err := yaml.Unmarshal(content, &cluster); err != nil {
		return err
	}
	if _, err := version.ParseSemantic(cluster.KubernetesVersion); err != nil {
		return fmt.Errorf("kubernetesVersion: give a full version: %w", err)
	}
	return nil
}

// checkHashes does early what kubeadm does only when it has reached the cluster.
func checkHashes(content []byte) error {
	var join struct {
		Discovery struct {
			BootstrapToken struct {
				Hashes []string `json:"caCertHashes"`
			} `json:"bootstrapToken"`
		} `json:"discovery"`
	}
	if err := yaml.Unmarshal(content, &join); err != nil {
		return err
	}
	if err := pubkeypin.NewSet().Allow(join.Discovery.BootstrapToken.Hashes...); err != nil {
		return fmt.Errorf("discovery.bootstrapToken.caCertHashes: %w", err)
	}
	return nil
}

func (r Release) validateTogether(docs []document, content []byte) error {
	kinds := map[string]bool{}
	for _, d := range docs {
		kinds[d.gvk.Kind] = true
	}
	if kinds[constants.InitConfigurationKind] && !kinds[constants.ClusterConfigurationKind] {
		return errors.New("an InitConfiguration without a ClusterConfiguration leaves the version to kubeadm")
	}
	oldest, err := version.ParseSemantic(firstRelease[ConfigAPI()])
	if err != nil {
		return err
	}
	constants.MinimumControlPlaneVersion = oldest
	return r.Validate(content)
}
