// Command decode reads kubeadm configurations and Kubernetes manifests with
// the code of Kubernetes v1.36.3 itself. See package check for what it does.
package main

import (
	"os"

	"github.com/satchel-kit/satchel/testdata/decode/check"
	"github.com/satchel-kit/satchel/testdata/decode/check/since128"
)

var release = check.Release{Version: "v1.36.3", Validate: since128.Validate}

func main() {
	os.Exit(check.Main(release, os.Args[1:], os.Stdout, os.Stderr))
}
