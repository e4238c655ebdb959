package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/sign"
)

// keyFlags are the flags of the commands that sign.
type keyFlags struct{ key, passphraseFile string }

func (f *keyFlags) add(cmd *cobra.Command, name, usage string) {
	cmd.Flags().StringVar(&f.key, name, "", usage)
	cmd.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "file with the key's passphrase in its first line; default: asked on the terminal, or by $SSH_ASKPASS")
	cmd.MarkFlagFilename(name)
	cmd.MarkFlagFilename("passphrase-file")
}

// open reads the key. Whoever has to be asked for a passphrase is asked now.
func (f *keyFlags) open(ctx context.Context) (*sign.Key, error) {
	ask := sign.FromPerson()
	if f.passphraseFile != "" {
		ask = sign.FromFile(f.passphraseFile)
	}
	return sign.OpenKey(ctx, f.key, ask)
}

// openIfNamed is open if a key was named, and nil otherwise.
func (f *keyFlags) openIfNamed(ctx context.Context) (*sign.Key, error) {
	switch {
	case f.key != "":
		return f.open(ctx)
	case f.passphraseFile != "":
		return nil, usagef("--passphrase-file is for the key of --sign, which is missing")
	}
	return nil, nil
}

type signOptions struct {
	keyFlags
	out      string
	detached bool
	format   format
}

func newSignCmd() *cobra.Command {
	var o signOptions
	cmd := &cobra.Command{
		Use:   "sign BUNDLE --key FILE [-o OUT | --detached]",
		Short: "Sign a bundle with an SSH key",
		Long: `Sign the SHA256SUMS of a bundle, and with it every byte, with an SSH key. FILE is a
private key (ed25519, ecdsa or rsa), or a public key whose private one is in the agent
at $SSH_AUTH_SOCK, as that of a FIDO token is.

The signature becomes the file SHA256SUMS.sig in the bundle, in place of one that is
there. An archive is copied for that, to OUT or to its own place when the copy is whole;
its other files stay as they are. With --detached it becomes BUNDLE.sig instead, and the
bundle is not touched. satchel verify --signers checks either; so does OpenSSH alone:

  ssh-keygen -Y verify -f signers -I you@example.com -n satchel-bundle \
    -s SHA256SUMS.sig <SHA256SUMS && sha256sum --check --quiet SHA256SUMS

The contents are not read again: sign what satchel verify accepts.`,
		Example: `  satchel sign course-ha.tar --key ~/.ssh/id_ed25519
  satchel sign course-ha.tar --key ~/.ssh/id_ed25519_sk.pub --detached
  satchel sign course-ha.tar.zst --key release.key --passphrase-file release.pass -o signed.tar.zst`,
		Args: exactly("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.key == "":
				return usagef("sign needs --key FILE, the SSH key to sign with")
			case o.out != "" && o.detached:
				return usagef("-o is for a signature in the bundle, and --detached is not: leave out one of them")
			}
			if err := o.format.check(); err != nil {
				return err
			}
			return runSign(cmd, args[0], o)
		},
	}
	o.keyFlags.add(cmd, "key", "the SSH key: a private key, or the public key of one in the agent")
	addFormat(cmd, &o.format)
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "write the signed archive to OUT; default: in place of BUNDLE")
	cmd.Flags().BoolVar(&o.detached, "detached", false, "write the signature to BUNDLE.sig and leave the bundle alone")
	cmd.MarkFlagFilename("output", "tar", "tar.gz", "tar.zst")
	return cmd
}

func runSign(cmd *cobra.Command, path string, o signOptions) error {
	sums, err := bundle.Sums(cmd.Context(), path)
	if err != nil {
		return err
	}
	key, err := o.open(cmd.Context())
	if err != nil {
		return err
	}
	defer key.Close()
	text, err := key.Sign(sums)
	if err != nil {
		return err
	}
	signed, err := storeSignature(cmd, path, text, o)
	if err != nil {
		return err
	}
	if o.format == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]string{"bundle": path, "signature": signed, "key": key.String(), "sums": digestOf(sums)})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: signed with the %s\n", signed, key)
	return nil
}

// storeSignature puts the signature where it belongs, and tells where that is.
func storeSignature(cmd *cobra.Command, path string, text []byte, o signOptions) (string, error) {
	if o.detached {
		return bundle.DetachedName(path), bundle.WriteDetached(cmd.Context(), path, text)
	}
	b := bars(cmd)
	defer b.Wait()
	bar := b.Start("signing "+path, fileSize(path))
	err := bundle.AddSignature(cmd.Context(), path, o.out, text, bar.Add)
	bar.Done(err)
	if o.out != "" {
		path = o.out
	}
	return path, err
}

// fileSize is that of a file, for a bar that shows how far the copying is.
func fileSize(path string) int64 {
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
		return st.Size()
	}
	return 0
}
