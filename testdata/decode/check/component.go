package check

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	kubeletvalidation "k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	proxyconfig "k8s.io/kubernetes/pkg/proxy/apis/config"
	proxyscheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme"
	proxyvalidation "k8s.io/kubernetes/pkg/proxy/apis/config/validation"
	"sigs.k8s.io/yaml"
)

// components are the API groups that kubeadm hands on to another program.
// kubeadm itself only decodes these documents and leaves the judgement to the
// program that reads them, on a host, when it is late.
var components = map[string]func([]byte) error{
	"kubelet.config.k8s.io":   checkKubelet,
	"kubeproxy.config.k8s.io": checkKubeProxy,
}

func checkKubelet(content []byte) error {
	_, codecs, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
	if err != nil {
		return err
	}
	if _, _, err := codecs.UniversalDecoder().Decode(content, nil, nil); err != nil {
		return err
	}
	object, err := runtime.Decode(codecs.UniversalDecoder(), withoutHostFields(content))
	if err != nil {
		return err
	}
	kubelet, ok := object.(*config.KubeletConfiguration)
	if !ok {
		return fmt.Errorf("decoded to %T, not to a KubeletConfiguration", object)
	}
	return kubeletvalidation.ValidateKubeletConfiguration(kubelet, utilfeature.DefaultFeatureGate)
}

// withoutHostFields drops the fields that the kubelet's validation compares
// with the cgroup version of the machine it runs on: that machine is not the
// host that the configuration is for.
func withoutHostFields(content []byte) []byte {
	var fields map[string]any
	if err := yaml.Unmarshal(content, &fields); err != nil {
		return content
	}
	delete(fields, "failCgroupV1")
	delete(fields, "singleProcessOOMKill")
	out, err := yaml.Marshal(fields)
	if err != nil {
		return content
	}
	return out
}

func checkKubeProxy(content []byte) error {
	object, _, err := proxyscheme.Codecs.UniversalDecoder().Decode(content, nil, nil)
	if err != nil {
		return err
	}
	proxy, ok := object.(*proxyconfig.KubeProxyConfiguration)
	if !ok {
		return fmt.Errorf("decoded to %T, not to a KubeProxyConfiguration", object)
	}
	return proxyvalidation.Validate(proxy).ToAggregate()
}
