package check

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// Manifest decodes every document strictly into its Kubernetes type; a kind
// that this version does not have is an error.
func Manifest(content []byte) []error {
	scheme, err := manifestScheme()
	if err != nil {
		return []error{err}
	}
	docs, problems := split(content)
	for _, d := range docs {
		if err := checkObject(scheme, d.content); err != nil {
			problems = append(problems, d.wrap(err))
		}
	}
	return problems
}

// manifestScheme knows all built-in kinds, and the two that clusters serve
// beside them: custom resource definitions and aggregated APIs.
func manifestScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	builder := runtime.SchemeBuilder{clientscheme.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme}
	if err := builder.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("registering the Kubernetes types: %w", err)
	}
	return scheme, nil
}

// checkObject decodes one object; the items of a List are objects too, which
// the decoder leaves untouched.
func checkObject(scheme *runtime.Scheme, content []byte) error {
	object, err := decodeStrictly(scheme, content)
	if err != nil {
		return err
	}
	list, ok := object.(*corev1.List)
	if !ok {
		return nil
	}
	for i, item := range list.Items {
		if err := checkObject(scheme, item.Raw); err != nil {
			return fmt.Errorf("items[%d]: %w", i, err)
		}
	}
	return nil
}
