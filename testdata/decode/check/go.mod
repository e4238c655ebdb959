module github.com/satchel-kit/satchel/testdata/decode/check

go 1.21

// The programs beside this module choose the Kubernetes version; this is the
// oldest one that the package compiles with.
require k8s.io/kubernetes v1.29.6
