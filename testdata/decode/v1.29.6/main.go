// Command decode reads kubeadm configurations and Kubernetes manifests with
// the code of Kubernetes v1.29.6 itself. See package check for what it does.
package main

import (
	"os"

	"github.com/satchel-kit/satchel/testdata/decode/check"
)

func main() {
	os.Exit(check.Main("v1.29.6", os.Args[1:], os.Stdout, os.Stderr))
}
