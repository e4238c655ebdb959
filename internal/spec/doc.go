// Package spec loads a cluster spec written in CUE.
package spec
