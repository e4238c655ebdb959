//go:build lab && linux

// Command harbor stands in for the programs of Harbor's images in the lab: what writes
// the configuration (prepare), and what answers (serve). It is a front for a real
// docker-registry with Harbor's projects, users, members and tokens, as far as Harbor's
// swagger.yaml describes what satchel's step uses.
//
// It must never run outside of the lab: its tokens are not signed and its state is one
// file.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: harbor prepare DIR | harbor serve CONFIG")
		os.Exit(2)
	}
	var err error
	switch os.Args[1] {
	case "prepare":
		err = prepare(os.Args[2])
	case "serve":
		err = serve(os.Args[2])
	default:
		err = fmt.Errorf("unknown command %q", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "harbor:", err)
		os.Exit(1)
	}
}
