package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/secrets"
)

// seatSecrets is where a seat's secrets are in the directory of a kit's.
func seatSecrets(dir string, seat *plan.Plan) string {
	return filepath.Join(dir, seat.Seat.NN+".secrets")
}

// newKitSecrets makes those of all seats that have none yet: a kit may grow while its
// first seats are in use.
func newKitSecrets(cmd *cobra.Command, c compiled, dir string, to secrets.Recipients) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating the directory of the secrets: %w", err)
	}
	var missing []*plan.Plan
	for _, seat := range c.plan.Seats {
		_, err := os.Lstat(seatSecrets(dir, seat))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, seat)
		case err != nil:
			return fmt.Errorf("looking for the secrets of seat %s: %w", seat.Seat.NN, err)
		}
	}
	ctx := cmd.Context()
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0)) // making keys is all that takes time
	for _, seat := range missing {
		work.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			set, err := secrets.New(secretsRequest(seat, c.tree.Seat(seat.Seat.NN)))
			if err != nil {
				return err
			}
			return set.WriteFile(seatSecrets(dir, seat), to)
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: secrets of %d seats, %d of them new, each in NN.secrets, %s\n",
		dir, len(c.plan.Seats), len(missing), readers(to))
	return nil
}

// splitKitSecrets splits those of each seat into a directory of its own.
func splitKitSecrets(cmd *cobra.Command, c compiled, from secretsFile, dir string) error {
	if info, err := os.Stat(from.path); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file, and the secrets of a kit are a directory with NN.secrets for each seat; for one seat add --seat", from.path)
	}
	for i, seat := range c.plan.Seats {
		own := compiled{spec: c.spec.Seats[i], plan: seat, tree: c.tree.Seat(seat.Seat.NN)}
		part := secretsFile{seatSecrets(from.path, seat), from.identity}
		if err := splitSecrets(cmd, own, part, filepath.Join(dir, seat.Seat.NN)); err != nil {
			return fmt.Errorf("seat %s: %w", seat.Seat.NN, err)
		}
	}
	return nil
}
