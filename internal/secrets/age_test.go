package secrets

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool finds a program of others.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatalf("SATCHEL_TOOLS is \"required\", and %s is not installed (package %s)", name, pkg)
	}
	if err != nil {
		t.Skipf("%s is not installed (package %s)", name, pkg)
	}
	return path
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, &failed)
	}
	return string(out)
}

// keys makes an age identity and an SSH key with the programs that people use, and
// returns the files of the identities and the recipients.
func keys(t *testing.T) (identities, recipients map[string]string) {
	t.Helper()
	dir := t.TempDir()
	own, ssh := filepath.Join(dir, "age.txt"), filepath.Join(dir, "id_ed25519")
	output(t, tool(t, "age-keygen", "age"), "-o", own)
	output(t, tool(t, "ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", ssh)
	public := strings.TrimSpace(output(t, "age-keygen", "-y", own))
	return map[string]string{"age": own, "ssh": ssh}, map[string]string{"age": public, "ssh": ssh + ".pub"}
}

func TestEncryptedSecretsAreReadByTheirRecipientsAlone(t *testing.T) {
	identities, recipients := keys(t)
	_, others := keys(t)
	s := set(t)
	for kind, recipient := range recipients {
		to, err := ParseRecipients([]string{recipient, others["age"]})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "s.age")
		if err := s.WriteFile(file, to); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(file)
		if err != nil || bytes.Contains(raw, []byte("vrrp-password")) || !bytes.HasPrefix(raw, []byte("-----BEGIN AGE ENCRYPTED FILE-----")) {
			t.Errorf("%s: the file is %.60q, %v", kind, raw, err)
		}
		back, err := Read(file, identities[kind])
		if err != nil || len(back) != len(s) || back["ca-key"] != s["ca-key"] {
			t.Errorf("%s: read %d of %d secrets, %v", kind, len(back), len(s), err)
		}
		if text := output(t, tool(t, "age", "age"), "--decrypt", "-i", identities[kind], file); text != string(s.Bytes()) {
			t.Errorf("%s: age reads something else", kind)
		}
		other := map[string]string{"age": identities["ssh"], "ssh": identities["age"]}[kind]
		for identity, want := range map[string]string{
			"": "is encrypted with age: name the file of your identity with --identity", other: "is encrypted for others than the identity in " + other,
			recipients["ssh"]: "it is neither a file of age-keygen nor an SSH private key", "nowhere": "no such file",
		} {
			if _, err := Read(file, identity); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, with %q: %v", kind, identity, err)
			}
		}
		raw[len(raw)/2] ^= 1
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file, identities[kind]); err == nil {
			t.Errorf("%s: a damaged file was read", kind)
		}
	}
}

// What age itself has encrypted, in its binary form, is read as well.
func TestFilesOfAgeAreRead(t *testing.T) {
	identities, recipients := keys(t)
	plain, file := filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "s.age")
	if err := (Set{"stats-password": "abc"}).WriteFile(plain, nil); err != nil {
		t.Fatal(err)
	}
	output(t, tool(t, "age", "age"), "-r", recipients["age"], "-o", file, plain)
	if s, err := Read(file, identities["age"]); err != nil || s["stats-password"] != "abc" {
		t.Error(err)
	}
}

func TestBadRecipientsAreNamed(t *testing.T) {
	identities, recipients := keys(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good", "# two\n"+recipients["age"]+"\n\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN a@b\n")
	if to, err := ParseRecipients([]string{good}); err != nil || len(to) != 2 {
		t.Errorf("%d recipients, %v", len(to), err)
	}
	for text, want := range map[string]string{
		"age1nonsense": `the recipient "age1nonsense"`, "ssh-ed25519 AAAA": "the recipient", "nowhere": "no such file",
		write("empty", "# nothing\n"): "empty has none", identities["age"]: ":3 is no public key of age or SSH",
	} {
		_, err := ParseRecipients([]string{text})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "AGE-SECRET-KEY") {
			t.Errorf("the error shows a private key: %v", err)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	dir := f.TempDir()
	identity := filepath.Join(dir, "identity")
	const key = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	if err := os.WriteFile(identity, []byte(key), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n"))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 a\n"))
	f.Add([]byte("a=b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decrypt("s", data, identity); err != nil && strings.Contains(err.Error(), key) {
			t.Error("the error shows the identity")
		}
	})
}
