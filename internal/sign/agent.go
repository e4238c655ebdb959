package sign

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// fromAgent finds the private key of a public one in the agent. The agent asks for a
// touch or a confirmation where the key wants one.
func fromAgent(data []byte) (*Key, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil, errors.New("it is neither a private key nor a public one in OpenSSH's form")
	}
	if err := checkKey(public); err != nil {
		return nil, err
	}
	conn, err := dialAgent()
	if err != nil {
		return nil, fmt.Errorf("it is a public key, and the private one is looked for in the agent: %w", err)
	}
	client := agent.NewClient(conn)
	if err := holds(client, public); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var flags agent.SignatureFlags
	if public.Type() == ssh.KeyAlgoRSA {
		flags = agent.SignatureFlagRsaSha512
	}
	return &Key{
		public: public,
		sign:   func(data []byte) (*ssh.Signature, error) { return client.SignWithFlags(public, data, flags) },
		close:  conn.Close,
	}, nil
}

func dialAgent() (net.Conn, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, errors.New("SSH_AUTH_SOCK does not say where one is; start ssh-agent, or name the private key")
	}
	return net.Dial("unix", socket)
}

func holds(client agent.Agent, public ssh.PublicKey) error {
	keys, err := client.List()
	if err != nil {
		return fmt.Errorf("asking the agent for its keys: %w", err)
	}
	for _, key := range keys {
		if bytes.Equal(key.Blob, public.Marshal()) {
			return nil
		}
	}
	return fmt.Errorf("the agent has %d keys, and not the private one of the %s: add it with ssh-add", len(keys), describe(public))
}
