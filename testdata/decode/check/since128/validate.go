// Package since128 is the judgement of kubeadm v1.28 and later about a whole
// file. A program of an older release does not compile with it.
package since128

import (
	"fmt"

	"k8s.io/kubernetes/cmd/kubeadm/app/util/config"
)

// Validate is `kubeadm config validate`, without leave for deprecated or
// experimental API versions.
func Validate(content []byte) error {
	switch validate := any(config.ValidateConfig).(type) {
	case func(content []byte, experimental bool) error:
		return validate(content, false)
	case func(content []byte, deprecated, experimental bool) error: // since v1.36
		return validate(content, false, false)
	default:
		return fmt.Errorf("kubeadm's validation is a %T, which this program cannot call", validate)
	}
}
