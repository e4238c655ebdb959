package check

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/featuregate"
	"k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	kubeletvalidation "k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	proxyconfig "k8s.io/kubernetes/pkg/proxy/apis/config"
	proxyscheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme"
	proxyvalidation "k8s.io/kubernetes/pkg/proxy/apis/config/validation"
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
	object, _, err := codecs.UniversalDecoder().Decode(content, nil, nil)
	if err != nil {
		return err
	}
	kubelet, ok := object.(*config.KubeletConfiguration)
	if !ok {
		return fmt.Errorf("decoded to %T, not to a KubeletConfiguration", object)
	}
	forgetHost(kubelet)
	// The feature gates became an argument with v1.25; before, they were a global.
	switch validate := any(kubeletvalidation.ValidateKubeletConfiguration).(type) {
	case func(*config.KubeletConfiguration) error:
		return validate(kubelet)
	case func(*config.KubeletConfiguration, featuregate.FeatureGate) error:
		return validate(kubelet, utilfeature.DefaultFeatureGate)
	default:
		return fmt.Errorf("the kubelet's validation is a %T, which this program cannot call", validate)
	}
}

// forgetHost empties the fields that the kubelet's validation compares with the
// cgroup version of the machine it runs on: that machine is not the host that
// the configuration is for. Their defaults differ from release to release, and
// old releases have no such fields.
func forgetHost(kubelet *config.KubeletConfiguration) {
	for _, name := range []string{"FailCgroupV1", "SingleProcessOOMKill"} {
		if field := reflect.ValueOf(kubelet).Elem().FieldByName(name); field.IsValid() {
			field.SetZero()
		}
	}
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
