// Package before128 is the judgement of kubeadm v1.23 to v1.27 about a whole
// file. These releases have no `kubeadm config validate`: they judge a file
// when `kubeadm init` or `kubeadm join` loads it.
package before128

import (
	"fmt"
	"os"
	"path/filepath"

	kubeadmutil "k8s.io/kubernetes/cmd/kubeadm/app/util"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/config"
)

// Validate loads the file's InitConfiguration and its JoinConfiguration as
// init and join do, and nothing else: no address and no socket is looked for,
// as long as the file names its own.
func Validate(content []byte) error {
	documents, err := kubeadmutil.SplitYAMLDocuments(content)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "decode-")
	if err != nil {
		return fmt.Errorf("making a folder for kubeadm to read from: %w", err)
	}
	defer os.RemoveAll(dir)
	// Loading a JoinConfiguration is exported only for files.
	file := filepath.Join(dir, "kubeadm.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("making a file for kubeadm to read: %w", err)
	}
	loaded := false
	for kind := range documents {
		switch {
		case kubeadmutil.GroupVersionKindsHasInitConfiguration(kind), kubeadmutil.GroupVersionKindsHasClusterConfiguration(kind):
			loaded = true
			if _, err := config.LoadInitConfigurationFromFile(file); err != nil {
				return err
			}
		case kubeadmutil.GroupVersionKindsHasJoinConfiguration(kind):
			loaded = true
			if _, err := config.LoadJoinConfigurationFromFile(file); err != nil {
				return err
			}
		}
	}
	if !loaded {
		return fmt.Errorf("the file has nothing for kubeadm among its %d documents", len(documents))
	}
	return nil
}
