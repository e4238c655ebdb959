package sign

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// encrypted is a private key with a passphrase.
func encrypted(t testing.TB, key ed25519.PrivateKey, passphrase string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "key", pem.EncodeToMemory(block))
}

func TestAnEncryptedKeyIsAskedForUntilThePassphraseIsRight(t *testing.T) {
	path := encrypted(t, fixed(1), "correct horse")
	answers := []string{"", "battery", "correct horse"}
	asked := 0
	key := open(t, path, func(_ context.Context, of string, try int) ([]byte, error) {
		asked++
		if of != path || try != asked {
			t.Errorf("asked about %q, try %d, the time is %d", of, try, asked)
		}
		return []byte(answers[try-1]), nil
	})
	if got := signed1(t, key, message); asked != len(answers) || string(got) != fromKeygen {
		t.Errorf("asked %d times, signed\n%s", asked, got)
	}
}

func TestKeysThatOpenSSHEncrypts(t *testing.T) {
	for _, args := range []string{"-t ed25519", "-t ecdsa", "-t rsa -b 2048", "-t ed25519 -Z aes256-cbc", "-t rsa -b 2048 -m PEM"} {
		path := makeKey(t, append(strings.Fields(args), "-N", "swordfish")...)
		key := open(t, path, FromFile(write(t, "passphrase", []byte("swordfish\nnot this\n"))))
		accepted(t, signed1(t, key, message), string(read(t, path+".pub")))
	}
}

func TestAFileHasThePassphrase(t *testing.T) {
	path := encrypted(t, fixed(1), "correct horse")
	for _, content := range []string{"correct horse", "correct horse\n", "correct horse\r\n", "correct horse\nmore"} {
		if got := signed1(t, open(t, path, FromFile(write(t, "p", []byte(content)))), message); string(got) != fromKeygen {
			t.Errorf("%q: signed\n%s", content, got)
		}
	}
	readable := write(t, "p", []byte("correct horse"))
	if err := os.Chmod(readable, 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		write(t, "wrong", []byte("battery staple")): "the passphrase is wrong",
		readable:                              "others than its owner can read",
		filepath.Join(t.TempDir(), "nowhere"): "no such file",
	} {
		_, err := OpenKey(t.Context(), path, FromFile(file))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "battery staple") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestAProgramIsAskedForThePassphrase(t *testing.T) {
	path := encrypted(t, fixed(1), "correct horse")
	dir := t.TempDir()
	program := filepath.Join(dir, "askpass")
	script := "#!/bin/sh\necho \"$1\" >> " + dir + "/prompts\nif [ -e " + dir + "/once ]; then echo correct horse; else touch " + dir + "/once; echo wrong; fi\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_ASKPASS", program)
	t.Setenv("SSH_ASKPASS_REQUIRE", "force")
	if got := signed1(t, open(t, path, FromPerson()), message); string(got) != fromKeygen {
		t.Errorf("signed\n%s", got)
	}
	if prompts := string(read(t, dir+"/prompts")); prompts != "Passphrase of "+path+": \nThat was wrong. Passphrase of "+path+": \n" {
		t.Errorf("asked\n%s", prompts)
	}
}

func TestAPersonIsAskedThreeTimes(t *testing.T) {
	path := encrypted(t, fixed(1), "correct horse")
	t.Setenv("SSH_ASKPASS_REQUIRE", "prefer")
	t.Setenv("SSH_ASKPASS", "echo")
	if _, err := OpenKey(t.Context(), path, FromPerson()); !errors.Is(err, errWrong) {
		t.Errorf("got %v", err)
	}
	t.Setenv("SSH_ASKPASS", "false")
	if _, err := OpenKey(t.Context(), path, FromPerson()); err == nil || !strings.Contains(err.Error(), `SSH_ASKPASS "false"`) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoKeyIsRefusedAndNamed(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	readable := keyFile(t, fixed(1))
	if err := os.Chmod(readable, 0o640); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "nowhere"):     "no such file",
		t.TempDir():                               "is a directory",
		write(t, "k", nil):                        "neither a private key nor a public one",
		write(t, "k", []byte("ssh-ed25519 AAAA")): "neither a private key nor a public one",
		readable: "others than its owner can read or write it (mode 0640): chmod 600 " + readable,
		write(t, "k", []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")): "name its public key",
		write(t, "k", []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n")):                                          "no key found",
		write(t, "k", []byte(authorized(fixed(1)))):                                                             "SSH_AUTH_SOCK does not say",
	} {
		if _, err := OpenKey(t.Context(), path, neverAsk); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
