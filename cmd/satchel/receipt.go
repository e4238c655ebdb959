package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/sign"
)

// receipt says what was checked and what was found, for a ticket.
type receipt struct {
	Verified bool   `json:"verified"`
	Name     string `json:"name"`
	Version  string `json:"version"`
	Spec     string `json:"spec"`
	Lock     string `json:"lock"`
	// Sums is the digest of SHA256SUMS, which stands for the whole bundle.
	Sums    string `json:"sums"`
	Satchel string `json:"satchel"`
	Hosts   int    `json:"hosts"`
	Images  int    `json:"images"`
	Blobs   int    `json:"blobs"`
	*bundle.Report
	Signature bundle.Signature `json:"signature"`
}

func newReceipt(r *bundle.Report, s bundle.Signature) *receipt {
	m := r.Manifest
	c := &receipt{
		Verified: len(r.Problems) == 0, Report: r, Signature: s,
		Name: m.Name, Version: m.Version, Spec: m.Spec, Lock: m.Lock, Satchel: m.Satchel, Sums: digestOf(r.Sums),
		Hosts: m.HostCount(), Images: len(m.Images),
	}
	for _, f := range m.Files {
		if strings.HasPrefix(f.Path, "images/blobs/") {
			c.Blobs++
		}
	}
	return c
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// about says in a line what was found out about the signature.
func about(s bundle.Signature) string {
	switch s.State {
	case bundle.Accepted:
		return fmt.Sprintf("good, by %s with the %s (%s)", s.By, s.Key, s.File)
	case bundle.Intact:
		return fmt.Sprintf("intact, with the %s (%s); whose that is, --signers FILE tells", s.Key, s.File)
	}
	return "none"
}

// newReceipts judges the signature of each bundle, of which each must have a good one if
// there are signers.
func newReceipts(reports []*bundle.Report, signers *sign.Signers) ([]*receipt, error) {
	var all []*receipt
	for _, r := range reports {
		s, err := r.CheckSignature(signers, time.Now())
		if err != nil {
			return nil, err
		}
		all = append(all, newReceipt(r, s))
	}
	return all, nil
}

// readSigners reads the list of those whose signatures are accepted, if there is one.
func readSigners(path string) (*sign.Signers, error) {
	if path == "" {
		return nil, nil
	}
	return sign.ReadSigners(path)
}

// print writes the receipt, or what is wrong.
func (c *receipt) print(cmd *cobra.Command) {
	if !c.Verified {
		c.printProblems(cmd)
		return
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s: verified, %s %s, %d files, %d images, %s\n", c.Bundle, c.Name, c.Version, c.Files, c.Images, progress.Bytes(c.Bytes))
	if c.Since != nil {
		fmt.Fprintf(out, "a delta of %s, which has %d of its files, %s\n", c.Since, c.Left.Files, progress.Bytes(c.Left.Bytes))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "signature\t%s\n", about(c.Signature))
	fmt.Fprintf(w, "SHA256SUMS\t%s\n", c.Sums)
	fmt.Fprintf(w, "spec\t%s\n", c.Spec)
	fmt.Fprintf(w, "lock\t%s\n", c.Lock)
	fmt.Fprintf(w, "checked\t%d bytes in %d files; the bundle has %d blobs of %d images and is for %d hosts\n", c.Bytes, c.Files, c.Blobs, c.Images, c.Hosts)
	fmt.Fprintf(w, "made by\tsatchel %s\n", c.Satchel)
	w.Flush()
	for _, host := range c.LeftOut {
		fmt.Fprintf(out, "left out: hosts/%s\n", host)
	}
}

func (c *receipt) printProblems(cmd *cobra.Command) {
	for _, p := range c.Problems {
		fmt.Fprintln(cmd.OutOrStdout(), p)
	}
	if c.Signature.Reason != "" && len(c.Problems) == 1 {
		fmt.Fprintf(cmd.ErrOrStderr(), "satchel: %s fits its own lists, but its signature does not say so: do not use it before you know why\n", c.Bundle)
		return
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "satchel: %s is not what was built, %d problems; copy or build it again\n", c.Bundle, len(c.Problems))
}
