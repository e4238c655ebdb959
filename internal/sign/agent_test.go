package sign

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// startAgent runs an ssh-agent until the test ends. Names of sockets are short.
func startAgent(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(program(t, "ssh-agent"), "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	t.Setenv("SSH_AUTH_SOCK", socket)
	for range 100 {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("ssh-agent does not answer")
}

func TestAKeyInAnAgentSigns(t *testing.T) {
	startAgent(t)
	for _, args := range []string{"-t ed25519", "-t rsa -b 2048", "-t ecdsa -b 256"} {
		path := makeKey(t, append(strings.Fields(args), "-N", "")...)
		if out, err := exec.Command(program(t, "ssh-add"), "-q", path).CombinedOutput(); err != nil {
			t.Fatalf("ssh-add: %v\n%s", err, out)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		accepted(t, signed1(t, open(t, path+".pub", neverAsk), message), string(read(t, path+".pub")))
	}
	other := makeKey(t, "-t", "ed25519", "-N", "")
	if _, err := OpenKey(t.Context(), other+".pub", neverAsk); err == nil || !strings.Contains(err.Error(), "the agent has 3 keys, and not the private one of the ED25519 key SHA256:") {
		t.Errorf("got %v", err)
	}
}

// standIn is an agent that answers as it is told.
type standIn struct {
	agent.Agent
	keys []*agent.Key
	sign func(data []byte, flags agent.SignatureFlags) (*ssh.Signature, error)
}

func (s *standIn) List() ([]*agent.Key, error) { return s.keys, nil }

func (s *standIn) SignWithFlags(_ ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	return s.sign(data, flags)
}

func (s *standIn) Extension(string, []byte) ([]byte, error) {
	return nil, agent.ErrExtensionUnsupported
}

// serve has the agent listen where SSH_AUTH_SOCK says.
func (s *standIn) serve(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("SSH_AUTH_SOCK", filepath.Join(dir, "s"))
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { agent.ServeAgent(s, conn); conn.Close() }()
		}
	}()
}

// token is the public key of a FIDO token, and an agent that has the token. What is
// signed is the token's view of the data
// (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f).
func token(t *testing.T, flags byte) (ssh.PublicKey, *standIn) {
	t.Helper()
	private, application := fixed(9), "ssh:"
	raw := ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, private.Public().(ed25519.PublicKey), application})
	public, err := ssh.ParsePublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(data []byte, _ agent.SignatureFlags) (*ssh.Signature, error) {
		state := []byte{flags, 0, 0, 0, 7} // flags and counter
		of, what := sha256.Sum256([]byte(application)), sha256.Sum256(data)
		seen := slices.Concat(of[:], state, what[:])
		return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(private, seen), Rest: state}, nil
	}
	return public, &standIn{keys: []*agent.Key{{Format: public.Type(), Blob: raw}}, sign: sign}
}

func TestATokenSignsThroughTheAgent(t *testing.T) {
	public, a := token(t, touched)
	a.serve(t)
	text := string(ssh.MarshalAuthorizedKey(public))
	key := open(t, write(t, "key.pub", []byte(text)), neverAsk)
	sig := signed1(t, key, message)
	if who, err := signers(t, "release@example.com "+text).Verify(sig, message, now); err != nil || !strings.HasPrefix(who.Key, "ED25519-SK key SHA256:") {
		t.Errorf("got %+v, %v", who, err)
	}
	accepted(t, sig, text)
}

func TestASignatureWithoutATouchIsRefused(t *testing.T) {
	public, a := token(t, 0)
	a.serve(t)
	key := open(t, write(t, "key.pub", ssh.MarshalAuthorizedKey(public)), neverAsk)
	if _, err := key.Sign(message); err == nil || !strings.Contains(err.Error(), "nobody touched the token") {
		t.Errorf("got %v", err)
	}
}

// TestAnAgentThatSignsInAnotherWayIsFound is for agents that do not know the flag of
// rsa-sha2-512, for those that refuse, and for wrong answers.
func TestAnAgentThatSignsInAnotherWayIsFound(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	a := &standIn{keys: []*agent.Key{{Format: signer.PublicKey().Type(), Blob: signer.PublicKey().Marshal()}}}
	a.serve(t)
	path := write(t, "key.pub", ssh.MarshalAuthorizedKey(signer.PublicKey()))
	with := func(algorithm string, data []byte) func([]byte, agent.SignatureFlags) (*ssh.Signature, error) {
		return func(asked []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
			if flags != agent.SignatureFlagRsaSha512 {
				t.Errorf("asked with the flags %d", flags)
			}
			return signer.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, append(asked, data...), algorithm)
		}
	}
	for want, sign := range map[string]func([]byte, agent.SignatureFlags) (*ssh.Signature, error){
		"":                          with(ssh.KeyAlgoRSASHA512, nil),
		`it is made with "ssh-rsa"`: with(ssh.KeyAlgoRSA, nil),
		errNotOf.Error():            with(ssh.KeyAlgoRSASHA512, []byte("x")),
		"failed to sign":            func([]byte, agent.SignatureFlags) (*ssh.Signature, error) { return nil, errors.New("refused") },
	} {
		a.sign = sign
		_, err := open(t, path, neverAsk).Sign(message)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestAnAgentThatIsNotThere(t *testing.T) {
	path := write(t, "key.pub", []byte(authorized(fixed(1))))
	t.Setenv("SSH_AUTH_SOCK", filepath.Join(t.TempDir(), "nowhere"))
	if _, err := OpenKey(t.Context(), path, neverAsk); err == nil || !strings.Contains(err.Error(), "looked for in the agent") {
		t.Errorf("got %v", err)
	}
}
