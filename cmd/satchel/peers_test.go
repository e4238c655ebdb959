package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// peer is a program of others that mirrors images into one archive.
type peer struct {
	name string
	// commands are run one after the other by sh, in an empty directory; they end with
	// out.tar. REGISTRY and IMAGES are in the environment.
	commands string
}

// peers do what satchel does in the way that their manuals show: one layout, in which
// layers are there once, as a tar; or an archive of their own. None of them waits until
// the disk has the bytes, as satchel does; so sync does it for them.
var peers = []peer{
	{"skopeo", `for i in $IMAGES; do skopeo --insecure-policy copy --quiet --src-tls-verify=false docker://$REGISTRY/$i oci:layout:$i; done; tar -cf out.tar layout; sync out.tar`},
	{"crane", `crane pull --insecure --platform linux/amd64 --format oci --annotate-ref $(for i in $IMAGES; do echo $REGISTRY/$i; done) layout; tar -cf out.tar layout; sync out.tar`},
	{"crane-tarball", `crane pull --insecure --platform linux/amd64 $(for i in $IMAGES; do echo $REGISTRY/$i; done) out.tar; sync out.tar`},
	{"regctl", `for i in $IMAGES; do regctl --host reg=$REGISTRY,tls=disabled image copy $REGISTRY/$i ocidir://layout:$(echo $i | tr /: --); done; tar -cf out.tar layout; sync out.tar`},
	{"oras", `for i in $IMAGES; do oras cp --no-tty --from-plain-http $REGISTRY/$i --to-oci-layout layout:$(echo $i | tr /: --); done; tar -cf out.tar layout; sync out.tar`},
}

// program is the first word of the peer that is looked for.
func (p peer) program() string { name, _, _ := strings.Cut(p.name, "-"); return name }

func (p peer) installed() bool {
	_, err := exec.LookPath(p.program())
	return err == nil
}

// mirror runs the peer in a directory of its own, which is gone afterwards.
func (p peer) mirror(b *testing.B, w *mirrorWorld, registry string) cost {
	b.Helper()
	w.remove("peer")
	if err := os.Mkdir(w.path("peer"), 0o755); err != nil {
		b.Fatal(err)
	}
	defer w.remove("peer")
	syscall.Sync()
	cmd := exec.CommandContext(b.Context(), "sh", "-ec", p.commands)
	cmd.Dir = w.path("peer")
	cmd.Env = append(os.Environ(), "HOME="+w.path("peer"), "REGISTRY="+registry, "IMAGES="+strings.Join(w.images, " "))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	c, err := timed(b, cmd)
	if err != nil {
		b.Logf("%s: %v\n%.2000s", p.name, err, said.String())
		return cost{}
	}
	if info, err := os.Stat(w.path("peer/out.tar")); err != nil || info.Size() < w.unique {
		b.Fatalf("%s left an archive of %v bytes, want %d at least: %v", p.name, info, w.unique, err)
	}
	return c
}
