package check

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// Manifest decodes every document strictly into its Kubernetes type; a kind
// that the cluster's release does not serve is an error.
func Manifest(cluster *version.Version, content []byte) []error {
	scheme, err := manifestScheme()
	if err != nil {
		return []error{err}
	}
	docs, problems := split(content)
	for _, d := range docs {
		if err := checkObject(cluster, scheme, d.content); err != nil {
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
func checkObject(cluster *version.Version, scheme *runtime.Scheme, content []byte) error {
	object, err := decodeStrictly(scheme, content)
	if err != nil {
		return err
	}
	list, ok := object.(*corev1.List)
	if !ok {
		return checkServed(cluster, object)
	}
	for i, item := range list.Items {
		if err := checkObject(cluster, scheme, item.Raw); err != nil {
			return fmt.Errorf("items[%d]: %w", i, err)
		}
	}
	return nil
}

// checkServed compares the release with the life of the object's API version.
// The client types know versions long after the last server has dropped them.
// The types' own records begin with Kubernetes 1.19 and are only about versions
// that were or are in beta.
func checkServed(cluster *version.Version, object runtime.Object) error {
	served := func(major, minor int) bool {
		return cluster.AtLeast(version.MustParseGeneric(fmt.Sprintf("%d.%d.0", major, minor)))
	}
	gvk := object.GetObjectKind().GroupVersionKind()
	if o, ok := object.(interface{ APILifecycleIntroduced() (int, int) }); ok {
		if major, minor := o.APILifecycleIntroduced(); !served(major, minor) {
			return fmt.Errorf("%s %s comes with v%d.%d, the cluster is v%s", gvk.GroupVersion(), gvk.Kind, major, minor, cluster)
		}
	}
	if o, ok := object.(interface{ APILifecycleRemoved() (int, int) }); ok {
		if major, minor := o.APILifecycleRemoved(); served(major, minor) {
			return fmt.Errorf("%s %s is gone since v%d.%d, the cluster is v%s", gvk.GroupVersion(), gvk.Kind, major, minor, cluster)
		}
	}
	return nil
}
