package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/render"
	"github.com/satchel-kit/satchel/internal/secrets"
)

func newSecretsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Make, split and show a cluster's secrets",
		Long: `Secrets are never in the spec, the tree or the bundle, which only have marks such as
@secret:vrrp-password@. They live in a file of their own that install.sh --secrets reads.`,
		Args: func(cmd *cobra.Command, args []string) error {
			return usagef("secrets needs one of new, split, show")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newSecretsNewCmd(), newSecretsSplitCmd(), newSecretsShowCmd())
	return cmd
}

func newSecretsNewCmd() *cobra.Command {
	var out string
	var recipients, rotate []string
	var from secretsFile
	var seat seatFlag
	cmd := &cobra.Command{
		Use:   "new [SPEC] [-o FILE] [--recipient KEY] [--from FILE [--rotate NAME]] [--seat N]",
		Short: "Make new secrets for a cluster",
		Long: `Make new secrets for a cluster, or for every seat of a kit: then -o names a directory,
which gets NN.secrets for each seat that has none there yet.

With --from all secrets of a cluster that is there stay, and those are added that its spec
needs by now, such as for a registry; --rotate makes one of them anew: bootstrap-token,
vrrp-password, stats-password or registry (its certificate). Then run install.sh with the
new file on the hosts that have it, the load balancers at once. A new encryption-key, of
Secrets in etcd, is for cluster.sh encryption on all control planes first; install.sh
refuses it until then.

With --recipient the file is encrypted with age (age-encryption.org/v1) for a public key of
age or SSH, or for those in a file, and can then be kept where others see it. secrets split
and show read it with --identity; so does age itself. The parts that split writes are for
the hosts and are not encrypted.`,
		Example: `  satchel secrets new bundles/course-ha -o course-ha.secrets
  satchel secrets new bundles/course-ha -o course-ha.secrets.age --recipient ~/.ssh/id_ed25519.pub
  satchel secrets new bundles/course-ha -o new.secrets --from course-ha.secrets --rotate vrrp-password
  satchel secrets new bundles/classroom -o classroom.secrets`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := secrets.ParseRecipients(recipients)
			if err != nil {
				return err
			}
			if from.path == "" && (len(rotate) > 0 || from.identity != "") {
				return usagef("--rotate and --identity need --from FILE: the secrets that the cluster has")
			}
			n := newSecrets{out: out, to: to, from: from, rotate: rotate, seat: seat}
			return n.run(cmd, specArg(args))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write, of a kit the directory; default: CLUSTER.secrets")
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "encrypt for this public key of age or SSH, or for those in this file; may be repeated")
	cmd.Flags().StringVar(&from.path, "from", "", "the secrets that the cluster has, to go on from")
	cmd.Flags().StringVar(&from.identity, "identity", "", "who decrypts those: a file of age-keygen, or an SSH private key")
	cmd.Flags().StringArrayVar(&rotate, "rotate", nil, "make this one of them anew; may be repeated")
	seat.add(cmd, "the secrets of this seat alone, in one file")
	return cmd
}

// newSecrets is a run of secrets new.
type newSecrets struct {
	out    string
	to     secrets.Recipients
	from   secretsFile
	rotate []string
	seat   seatFlag
}

func (n newSecrets) run(cmd *cobra.Command, path string) error {
	c, err := compile(path)
	if err != nil {
		return err
	}
	if c, err = n.seat.choose(path, c); err != nil {
		return err
	}
	if n.out == "" {
		n.out = c.plan.Cluster.Name + ".secrets"
	}
	if len(c.plan.Seats) > 0 {
		if n.from.path != "" {
			return usagef("--from is for one cluster: say with --seat for which")
		}
		return newKitSecrets(cmd, c, n.out, n.to)
	}
	r := secretsRequest(c.plan, c.tree)
	if n.from.path != "" {
		if r.From, err = n.from.read(); err != nil {
			return err
		}
		r.Rotate = n.rotate
	}
	set, err := secrets.New(r)
	if err != nil {
		return err
	}
	if err := set.WriteFile(n.out, n.to); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d secrets, %s%s\n", n.out, len(set), readers(n.to), anew(set, r.From))
	return nil
}

// anew says which secrets are others than before.
func anew(set, before secrets.Set) string {
	if before == nil {
		return ""
	}
	var names []string
	for _, name := range set.Names() {
		if set[name] != before[name] && !slices.Contains(secrets.General, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "; none is new"
	}
	return "; new: " + strings.Join(names, ", ")
}

// readers says who can read a file of secrets.
func readers(to secrets.Recipients) string {
	switch len(to) {
	case 0:
		return "readable by you alone"
	case 1:
		return "encrypted for one recipient"
	default:
		return fmt.Sprintf("encrypted for %d recipients", len(to))
	}
}

// secretsRequest asks for what any host of the cluster needs.
func secretsRequest(p *plan.Plan, tree render.Tree) secrets.Request {
	r := secrets.Request{Cluster: p.Cluster.Name, Now: time.Now(), RegistryNames: p.Cluster.Registry.CertNames()}
	// The rules let nothing but hours through.
	r.CALifetime, _ = time.ParseDuration(p.Cluster.Kubernetes.CAValidity)
	for _, f := range tree {
		r.Names = append(r.Names, secrets.Marks(f.Data)...)
	}
	return r
}

// secretsFile is a file of secrets that exists, and who can decrypt it.
type secretsFile struct{ path, identity string }

func (f *secretsFile) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "secrets", "", "the cluster's secrets, made by secrets new")
	cmd.Flags().StringVar(&f.identity, "identity", "", "who decrypts them: a file of age-keygen, or an SSH private key")
}

func (f *secretsFile) read() (secrets.Set, error) { return secrets.Read(f.path, f.identity) }

func newSecretsSplitCmd() *cobra.Command {
	var out string
	var from secretsFile
	var seat seatFlag
	cmd := &cobra.Command{
		Use:   "split [SPEC] --secrets FILE -o DIR [--seat N]",
		Short: "Write each host's part of the secrets",
		Long: `Write DIR/HOST.secrets for each host with only what that host needs: no worker and no
load balancer gets a key of a certificate authority.

Of a kit, --secrets is the directory that secrets new made, and each seat's parts are in
DIR/NN/; with --seat it is that seat's own file, and DIR has the parts of its hosts.`,
		Example: `  satchel secrets split bundles/course-ha --secrets course-ha.secrets -o parts
  satchel secrets split bundles/classroom --secrets classroom.secrets -o parts`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" || from.path == "" {
				return usagef("secrets split needs --secrets FILE and -o DIR")
			}
			return runSecretsSplit(cmd, specArg(args), from, out, seat)
		},
	}
	from.add(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", "", "directory of the parts")
	seat.add(cmd, "the parts of this seat alone")
	return cmd
}

func runSecretsSplit(cmd *cobra.Command, path string, from secretsFile, dir string, seat seatFlag) error {
	c, err := compile(path)
	if err != nil {
		return err
	}
	if c, err = seat.choose(path, c); err != nil {
		return err
	}
	if len(c.plan.Seats) > 0 {
		return splitKitSecrets(cmd, c, from, dir)
	}
	return splitSecrets(cmd, c, from, dir)
}

func splitSecrets(cmd *cobra.Command, c compiled, from secretsFile, dir string) error {
	set, err := from.read()
	if err != nil {
		return err
	}
	if name := set["cluster"]; name != c.plan.Cluster.Name {
		return fmt.Errorf("%s has the secrets of the cluster %s, not of %s", from.path, name, c.plan.Cluster.Name)
	}
	parts := map[string]secrets.Set{}
	for _, h := range c.plan.Hosts {
		if parts[h.Name], err = set.Part(hostSecrets(h, c.tree)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating the directory of the parts: %w", err)
	}
	for _, h := range c.plan.Hosts {
		name := filepath.Join(dir, h.Name+".secrets")
		if err := parts[h.Name].WriteFile(name, nil); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", name, strings.Join(parts[h.Name].Names(), " "))
	}
	return nil
}

// hostSecrets are the names of the secrets that a host needs: whose they are, those
// that its files have marks of, and the shared keys on a control plane.
func hostSecrets(h plan.Host, tree render.Tree) []string {
	names := slices.Clone(secrets.General)
	for _, f := range tree {
		if strings.HasPrefix(f.Path, "hosts/"+h.Name+"/") {
			names = append(names, secrets.Marks(f.Data)...)
		}
	}
	if h.ControlPlane {
		names = append(names, slices.Collect(maps.Values(secrets.SharedKeys))...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func newSecretsShowCmd() *cobra.Command {
	var from secretsFile
	var reveal string
	var seat seatFlag
	cmd := &cobra.Command{
		Use:   "show [SPEC] --secrets FILE [--reveal NAME]",
		Short: "Show which host needs which secret, or one value",
		Example: `  satchel secrets show bundles/course-ha --secrets course-ha.secrets
  satchel secrets show --secrets course-ha.secrets --reveal stats-password`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if from.path == "" {
				return usagef("secrets show needs --secrets FILE")
			}
			set, err := from.read()
			if err != nil {
				return err
			}
			if reveal != "" {
				part, err := set.Part([]string{reveal})
				if err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), part[reveal])
				return nil
			}
			return showSecrets(cmd, specArg(args), set, seat)
		},
	}
	from.add(cmd)
	cmd.Flags().StringVar(&reveal, "reveal", "", "print the value of this one secret")
	seat.add(cmd, "the seat whose secrets these are")
	return cmd
}

func showSecrets(cmd *cobra.Command, path string, set secrets.Set, seat seatFlag) error {
	c, err := seat.compile(path, "each seat has secrets of its own: name it")
	if err != nil {
		return err
	}
	users := map[string][]string{}
	for _, h := range c.plan.Hosts {
		for _, name := range hostSecrets(h, c.tree) {
			users[name] = append(users[name], h.Name)
		}
	}
	for _, name := range set.Names() {
		fmt.Fprintf(cmd.OutOrStdout(), "%-20s %s\n", name, strings.Join(users[name], " "))
	}
	return nil
}
