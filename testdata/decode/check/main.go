// Package check judges rendered files with Kubernetes' own code: the strict
// decoders and validators of kubeadm, of the kubelet, of kube-proxy and of the
// API types. It is compiled once for each Kubernetes version by the modules
// beside it, and is the same source for all of them; what kubeadm has under
// another name in old releases is in the packages below. It never opens a
// network connection and never looks at the machine it runs on.
package check

import (
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/util/version"
)

const usage = `usage: decode [--keepgoing] [--release vX.Y.Z] [--kubeadm FILE...] [--manifest FILE...]

  --kubeadm   the files that follow are kubeadm configurations
  --manifest  the files that follow are Kubernetes manifests
  --release   the cluster's release, for which manifests that follow must be
              made; the default is the release that this program is built from
  --keepgoing report every problem of every file, not only the first

Exit status: 0 all files are good, 1 a file is not, 2 wrong usage.
`

// Release is the Kubernetes release that a program is compiled from.
type Release struct {
	Version string // as in "v1.34.4"
	// Validate judges a kubeadm configuration as a whole: package since128
	// or before128 has it.
	Validate func(content []byte) error
}

// checker judges the whole content of one file and returns its problems.
type checker func(content []byte) []error

type request struct {
	file  string
	check checker
}

// Main is the program: it prints one line a good file on stdout, one line a
// problem on stderr, and returns the exit status.
func Main(release Release, args []string, stdout, stderr io.Writer) int {
	requests, keepGoing, err := parse(release, args)
	if err != nil {
		fmt.Fprintf(stderr, "decode: %v\n%s", err, usage)
		return 2
	}
	status := 0
	for _, r := range requests {
		problems := File(r.file, r.check)
		if len(problems) == 0 {
			fmt.Fprintf(stdout, "%s: good\n", r.file)
			continue
		}
		status = 1
		for _, p := range problems {
			fmt.Fprintln(stderr, p)
			if !keepGoing {
				return status
			}
		}
	}
	return status
}

// parse reads the command line. The standard flag package knows no flag with
// several values, which is what a shell's glob gives.
func parse(release Release, args []string) (requests []request, keepGoing bool, err error) {
	var check checker
	cluster, err := version.ParseSemantic(release.Version)
	if err != nil {
		return nil, false, err
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--release" && i+1 < len(args):
			i++
			if cluster, err = version.ParseSemantic(args[i]); err != nil {
				return nil, false, fmt.Errorf("reading --release: %w", err)
			}
		case a == "--keepgoing":
			keepGoing = true
		case a == "--kubeadm":
			check = release.Kubeadm
		case a == "--manifest":
			check = func(content []byte) []error { return Manifest(cluster, content) }
		case len(a) > 1 && a[0] == '-':
			return nil, false, fmt.Errorf("unknown flag %q", a)
		case check == nil:
			return nil, false, fmt.Errorf("file %q comes before --kubeadm or --manifest", a)
		default:
			requests = append(requests, request{a, check})
		}
	}
	if len(requests) == 0 {
		return nil, false, errors.New("no file given")
	}
	return requests, keepGoing, nil
}

// File applies check to one file; each problem names the file. Kubernetes' code
// panics about some values that it does not like; that is a problem as any other.
func File(name string, check checker) (problems []error) {
	defer func() {
		if p := recover(); p != nil {
			problems = []error{fmt.Errorf("%s: %v", name, p)}
		}
	}()
	content, err := os.ReadFile(name)
	if err != nil {
		return []error{fmt.Errorf("reading %q: %w", name, err)}
	}
	problems = check(content)
	for i, p := range problems {
		problems[i] = fmt.Errorf("%s: %w", name, p)
	}
	return problems
}
