// Command decode reads kubeadm configurations and Kubernetes manifests with
// the code of Kubernetes v1.26.13 itself. See package check for what it does.
package main

import (
	"os"

	"github.com/satchel-kit/satchel/testdata/decode/check"
	"github.com/satchel-kit/satchel/testdata/decode/check/before128"
)

var release = check.Release{Version: "v1.26.13", Validate: before128.Validate}

func main() {
	os.Exit(check.Main(release, os.Args[1:], os.Stdout, os.Stderr))
}
