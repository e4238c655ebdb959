package main

import (
	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/bundle"
)

func newVerifyCmd() *cobra.Command {
	var f format
	var signersFile string
	cmd := &cobra.Command{
		Use:   "verify BUNDLE [DELTA...] [--signers FILE]",
		Short: "Check every byte of a bundle",
		Long: `Check every file of a bundle, packed or unpacked, against its bundle.json and
SHA256SUMS, and its image layout. Every missing, altered and extra file is named, and
every damaged part of a bundle that is split.

Of a delta alone what is in it is checked. With what it was made for before it, and with
more deltas behind it, it is also checked that they fit together and nothing is missing.

The signature, in the bundle or beside it (BUNDLE.sig), must fit if there is one. With
--signers there must be one, and its key must be in FILE, which has the format that
ssh-keygen(1) calls ALLOWED SIGNERS: a line PRINCIPAL [OPTIONS] KEYTYPE KEY for each,
with the options namespaces, valid-after and valid-before; the namespace is
satchel-bundle. Of a bundle with deltas each must have one.

What was checked is printed as a receipt. With --format json it is an object, or a list of
them for a bundle with deltas: verified, bundle, name, version, spec, lock, sums (digests;
sums of SHA256SUMS), satchel, hosts, images, blobs, files and bytes that were read, leftOut,
problems, and signature with state (none, intact, accepted or refused), file, by, key and
reason (missing, malformed, other-content, other-namespace, unknown-key, not-yet-valid,
namespace-not-allowed or expired).`,
		Example: `  satchel verify course-ha.tar
  satchel verify course-ha.tar --signers signers
  satchel verify course-ha.tar update.tar
  satchel verify unpacked/ --format json`,
		Args: atLeastOne("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return runVerify(cmd, args, signersFile, f)
		},
	}
	addFormat(cmd, &f)
	cmd.Flags().StringVar(&signersFile, "signers", "", "file that lists whose signatures are accepted, in OpenSSH's format")
	cmd.MarkFlagFilename("signers")
	return cmd
}

func runVerify(cmd *cobra.Command, paths []string, signersFile string, f format) error {
	signers, err := readSigners(signersFile)
	if err != nil {
		return err
	}
	reports, err := bundle.VerifyChain(cmd.Context(), paths)
	if err != nil {
		return err
	}
	receipts, err := newReceipts(reports, signers)
	if err != nil {
		return err
	}
	if f == "json" {
		err = printReceipts(cmd, receipts)
	} else {
		for _, r := range receipts {
			r.print(cmd)
		}
	}
	for _, r := range receipts {
		if err == nil && !r.Verified {
			err = errDiffers
		}
	}
	return err
}

// printReceipts prints one receipt, or several as a list.
func printReceipts(cmd *cobra.Command, receipts []*receipt) error {
	if len(receipts) == 1 {
		return printJSON(cmd.OutOrStdout(), receipts[0])
	}
	return printJSON(cmd.OutOrStdout(), receipts)
}
