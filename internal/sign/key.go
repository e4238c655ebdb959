package sign

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/ssh"
)

// maxKey is more than any key needs.
const maxKey = 1 << 20

// Ask gets the passphrase of an encrypted key. It is asked again, with try 2 and so
// on, after a wrong one.
type Ask func(ctx context.Context, path string, try int) ([]byte, error)

// OpenKey reads the private key in a file. If the file has a public key, the private
// one is that of the agent at SSH_AUTH_SOCK.
func OpenKey(ctx context.Context, path string, ask Ask) (*Key, error) {
	data, private, err := readKey(path)
	if err != nil {
		return nil, fmt.Errorf("reading key %q: %w", path, err)
	}
	if !private {
		k, err := fromAgent(data)
		if err != nil {
			return nil, fmt.Errorf("using key %q: %w", path, err)
		}
		return k, nil
	}
	defer clear(data)
	signer, err := decrypt(ctx, path, data, ask)
	if err != nil {
		return nil, fmt.Errorf("reading key %q: %w", path, err)
	}
	return fromFile(path, signer)
}

func readKey(path string) (data []byte, private bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if data, err = io.ReadAll(io.LimitReader(f, maxKey)); err != nil {
		return nil, false, err
	}
	if private = bytes.Contains(data, []byte("PRIVATE KEY-----")); private {
		err = checkPrivate(f)
	}
	return data, private, err
}

// checkPrivate refuses a file that others can read, as ssh does: a key in it is
// anybody's. Pipes have no such mode.
func checkPrivate(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := st.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return fmt.Errorf("others than its owner can read or write it (mode %#o): chmod 600 %s", mode.Perm(), f.Name())
	}
	return nil
}

func decrypt(ctx context.Context, path string, data []byte, ask Ask) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(data)
	if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); !encrypted {
		return signer, unusable(err)
	}
	for try := 1; ; try++ {
		passphrase, err := ask(ctx, path, try)
		if err != nil {
			return nil, err
		}
		if len(passphrase) == 0 {
			continue // which no encrypted key has
		}
		signer, err := ssh.ParsePrivateKeyWithPassphrase(data, passphrase)
		clear(passphrase)
		if !errors.Is(err, x509.IncorrectPasswordError) {
			return signer, unusable(err)
		}
	}
}

// unusable adds what else can be done with a key that is not for a program alone.
func unusable(err error) error {
	if err != nil {
		err = fmt.Errorf("%w (a key that lies on a token, or is encrypted in another way, signs through the agent: name its public key)", err)
	}
	return err
}

// fromFile wraps a key so that it signs without randomness: ECDSA takes its secret
// number from key and message then, as RFC 6979 has it.
func fromFile(path string, signer ssh.Signer) (*Key, error) {
	if err := checkKey(signer.PublicKey()); err != nil {
		return nil, fmt.Errorf("reading key %q: %w", path, err)
	}
	algorithm := kinds[signer.PublicKey().Type()].algorithms[0]
	able, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("reading key %q: it cannot sign with %s", path, algorithm)
	}
	return &Key{
		public: signer.PublicKey(),
		sign:   func(data []byte) (*ssh.Signature, error) { return able.SignWithAlgorithm(nil, data, algorithm) },
	}, nil
}
