module github.com/satchel-kit/satchel/testdata/decode/check

go 1.21

// The programs beside this module choose the Kubernetes version, so it
// requires none: the package compiles with v1.23 and everything since.
