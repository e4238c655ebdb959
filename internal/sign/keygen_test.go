package sign

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program finds one of OpenSSH's programs.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("SATCHEL_TOOLS") == "required" {
			t.Fatalf("%s is not installed: apt-get install openssh-client", name)
		}
		t.Skipf("%s is not installed: apt-get install openssh-client", name)
	}
	return path
}

// keygen runs ssh-keygen with the message as its input.
func keygen(t testing.TB, input []byte, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, "ssh-keygen"), args...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// makeKey has ssh-keygen make a key.
func makeKey(t testing.TB, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if out, err := keygen(t, nil, append([]string{"-q", "-f", path}, args...)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// accepted makes sure that ssh-keygen takes a signature of ours, and only of the
// message.
func accepted(t *testing.T, sig []byte, public string) {
	t.Helper()
	file := write(t, "sig", sig)
	list := write(t, "signers", []byte("release@example.com "+public))
	if out, err := keygen(t, message, "-Y", "check-novalidate", "-n", Namespace, "-s", file); err != nil {
		t.Errorf("ssh-keygen -Y check-novalidate: %v\n%s", err, out)
	}
	verify := []string{"-Y", "verify", "-f", list, "-I", "release@example.com", "-n", Namespace, "-s", file}
	if out, err := keygen(t, message, verify...); err != nil || !strings.HasPrefix(out, "Good ") {
		t.Errorf("ssh-keygen -Y verify: %v\n%s", err, out)
	}
	if out, err := keygen(t, append([]byte("x"), message...), verify...); err == nil {
		t.Errorf("ssh-keygen -Y verify takes it for another message\n%s", out)
	}
}

func TestSSHKeygenAndSatchelAcceptEachOther(t *testing.T) {
	for _, c := range []struct {
		args string
		same bool // ssh-keygen has no randomness in these either
	}{
		{"-t ed25519", true},
		{"-t rsa -b 2048", true},
		{"-t rsa -b 3072 -m PEM", true},
		{"-t ecdsa -b 256", false},
		{"-t ecdsa -b 384 -m PKCS8", false},
		{"-t ecdsa -b 521", false},
	} {
		t.Run(c.args, func(t *testing.T) {
			path := makeKey(t, append(strings.Fields(c.args), "-N", "")...)
			public := string(read(t, path+".pub"))
			key := open(t, path, neverAsk)
			ours := signed1(t, key, message)
			if again := signed1(t, key, message); !bytes.Equal(ours, again) {
				t.Errorf("signed twice, it gives two signatures\n%s%s", ours, again)
			}
			accepted(t, ours, public)
			file := write(t, "message", message)
			if out, err := keygen(t, nil, "-Y", "sign", "-n", Namespace, "-f", path, file); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			theirs := read(t, file+".sig")
			if c.same && !bytes.Equal(ours, theirs) {
				t.Errorf("satchel made\n%s\nssh-keygen made\n%s", ours, theirs)
			}
			list := signers(t, "release@example.com "+public)
			for _, sig := range [][]byte{ours, theirs} {
				if who, err := list.Verify(sig, message, now); err != nil || who.By != "release@example.com" {
					t.Errorf("got %+v, %v", who, err)
				}
			}
			if who, err := list.Verify(theirs, message[1:], now); reason(err) != OtherContent {
				t.Errorf("of another message: %+v, %v", who, err)
			}
		})
	}
}

// TestTheOtherHashIsAcceptedToo is for signatures that somebody makes by hand.
func TestTheOtherHashIsAcceptedToo(t *testing.T) {
	path := makeKey(t, "-t", "ed25519", "-N", "")
	file := write(t, "message", message)
	if out, err := keygen(t, nil, "-Y", "sign", "-O", "hashalg=sha256", "-n", Namespace, "-f", path, file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if who, err := Check(read(t, file+".sig"), message); err != nil {
		t.Errorf("got %+v, %v", who, err)
	}
}

func TestACertificateIsRefusedAndNamed(t *testing.T) {
	authority := makeKey(t, "-t", "ed25519", "-N", "")
	path := makeKey(t, "-t", "ed25519", "-N", "")
	if out, err := keygen(t, nil, "-q", "-s", authority, "-I", "id", "-n", "release@example.com", path+".pub"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file := write(t, "message", message)
	if out, err := keygen(t, nil, "-Y", "sign", "-n", Namespace, "-f", path+"-cert.pub", file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := Check(read(t, file+".sig"), message); reason(err) != Malformed || !strings.Contains(err.Error(), "certificates are not supported") {
		t.Errorf("got %v", err)
	}
	if _, err := OpenKey(t.Context(), path+"-cert.pub", neverAsk); err == nil || !strings.Contains(err.Error(), "certificates are not supported") {
		t.Errorf("got %v", err)
	}
}
