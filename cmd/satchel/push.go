package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/progress"
	"github.com/satchel-kit/satchel/internal/push"
)

// registryFlags are the flags of the commands that talk to a registry.
type registryFlags struct {
	plainHTTP bool
	ca        string
	jobs      int
}

func (f *registryFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.plainHTTP, "plain-http", false, "ask the registry over HTTP, not HTTPS")
	cmd.Flags().StringVar(&f.ca, "ca", "", "file with the certificate of the registry's CA, as PEM")
	cmd.Flags().IntVar(&f.jobs, "jobs", push.Jobs, "how many transfers run at once")
	cmd.MarkFlagFilename("ca")
}

func (f *registryFlags) check() error {
	switch {
	case f.plainHTTP && f.ca != "":
		return usagef("--ca is for HTTPS, and --plain-http asks for HTTP: leave out one of them")
	case f.jobs < 1 || f.jobs > 64:
		return usagef("--jobs is a number from 1 to 64, not %d", f.jobs)
	}
	return nil
}

// client makes a client of the registry. What makes it wait is shown among the bars.
func (f *registryFlags) client(t push.Target, b *progress.Bars) (*push.Client, error) {
	options := []push.Option{push.WithNotice(noteRetries(b))}
	if f.plainHTTP {
		options = append(options, push.WithPlainHTTP())
	}
	if f.ca != "" {
		options = append(options, push.WithCA(f.ca))
	}
	return push.New(t.Host, options...)
}

type pushOptions struct {
	registryFlags
	images bool
	format format
}

func newPushCmd() *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use:   "push BUNDLE REGISTRY/REPOSITORY:TAG | push BUNDLE REGISTRY[/PATH] --images",
		Short: "Store a bundle, or its images, in a registry",
		Long: `Store a bundle, unpacked or a plain .tar, in a registry: as one OCI artifact that
satchel pull turns into the same bundle again, or with --images its images, each under
its full upstream name (REGISTRY/PATH/registry.k8s.io/pause:3.10), as satchel serve
has them.

What the registry has is not sent again: two versions of a bundle share what is the
same in them, and a push that broke off goes on when it is repeated. Every byte that
is sent is checked against bundle.json.

Credentials come from the docker configuration and its helpers (docker login).`,
		Example: `  satchel push course-ha.tar registry.example.com/bundles/course-ha:0.1.0
  satchel push course-ha.tar registry.example.com/mirror --images --ca ca.crt
  satchel push /opt/course-ha 10.0.0.20:5000 --images --plain-http`,
		Args: exactly("BUNDLE", "REGISTRY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := push.ParseTarget(args[1])
			if err != nil {
				return usageError{err}
			}
			if err := cmp.Or(o.check(), o.format.check(), o.fits(to)); err != nil {
				return err
			}
			return runPush(cmd, args[0], to, o)
		},
	}
	cmd.Flags().BoolVar(&o.images, "images", false, "store the bundle's images instead of the bundle")
	o.add(cmd)
	addFormat(cmd, &o.format)
	return cmd
}

// fits tells whether the target is one for what is to be stored.
func (o *pushOptions) fits(to push.Target) error {
	switch {
	case to.Digest != "":
		return usagef("push stores under a tag, not under the digest in %q", to)
	case o.images && to.Tag != "":
		return usagef("with --images the target is REGISTRY[/PATH]: each image keeps its own tag, and %q has one", to)
	case !o.images && (to.Path == "" || to.Tag == ""):
		return usagef("a bundle is stored as REGISTRY/REPOSITORY:TAG, not as %q; its images are stored with --images", to)
	}
	return nil
}

func runPush(cmd *cobra.Command, path string, to push.Target, o pushOptions) error {
	b := bars(cmd)
	defer b.Wait()
	client, err := o.client(to, b)
	if err != nil {
		return err
	}
	if o.images {
		return pushImages(cmd, client, path, to, o, b)
	}
	result, err := client.Bundle(cmd.Context(), path, to, o.jobs, b)
	if err != nil {
		return err
	}
	b.Wait()
	if o.format == "json" {
		return printJSON(cmd.OutOrStdout(), result)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s@%s\n", result.Reference, result.Digest)
	printTraffic(cmd, result.Blobs)
	return nil
}

func pushImages(cmd *cobra.Command, client *push.Client, path string, to push.Target, o pushOptions, b *progress.Bars) error {
	result, err := client.Images(cmd.Context(), path, to, o.jobs, b)
	if err != nil {
		return err
	}
	b.Wait()
	if o.format == "json" {
		return printJSON(cmd.OutOrStdout(), result)
	}
	for _, image := range result.Images {
		fmt.Fprintf(cmd.OutOrStdout(), "%s@%s\n", image.Reference, image.Digest)
	}
	printTraffic(cmd, result.Blobs)
	return nil
}

func printTraffic(cmd *cobra.Command, t push.Traffic) {
	fmt.Fprintf(cmd.ErrOrStderr(), "pushed %s in %d blobs; there already: %s in %d; mounted: %s in %d\n",
		progress.Bytes(t.Pushed.Bytes), t.Pushed.Blobs, progress.Bytes(t.Skipped.Bytes), t.Skipped.Blobs,
		progress.Bytes(t.Mounted.Bytes), t.Mounted.Blobs)
}
