package render_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/satchel-kit/satchel/templates"
)

// The keys that the tests have: 32 bytes each.
const (
	oneKey   = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	otherKey = "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk="
	thirdKey = "Zm9vYmFyMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk="
)

// keyLibrary is the steps' library with the configuration and the API server of a host.
type keyLibrary struct{ library }

func newKeyLibrary(t *testing.T) keyLibrary {
	t.Helper()
	l := keyLibrary{newLibrary(t)}
	for _, name := range []string{"steps/keys.sh", "steps/57-apiserver.sh", "steps/encryption.sh"} {
		text, err := templates.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		l.write(t, name, strings.ReplaceAll(string(text), "/etc/kubernetes", l.dir+"/etc/kubernetes"))
	}
	text, err := templates.FS.ReadFile("hosts/HOST/encryption.yaml.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	l.write(t, "encryption.yaml", strings.Replace(string(text), "{{ .Cluster.Kubernetes.Encryption }}", "secretbox", 1))
	return l
}

const hostConfig = "etc/kubernetes/encryption/config.yaml"

// keyed is the configuration with these keys, each PROVIDER NAME VALUE.
func (l keyLibrary) keyed(t *testing.T, keys ...string) string {
	t.Helper()
	return l.must(t, "10-print", `. "$BUNDLE/steps/keys.sh"; configuration '`+strings.Join(keys, "' '")+`'`)
}

// apiServer says that this host's reads its configuration.
func (l keyLibrary) apiServer(t *testing.T) {
	t.Helper()
	l.write(t, "etc/kubernetes/manifests/kube-apiserver.yaml", "    - --encryption-provider-config="+l.dir+"/"+hostConfig+"\n")
}

// apply runs the step with secrets that have this key.
func (l keyLibrary) apply(t *testing.T, secrets string) (string, error) {
	t.Helper()
	l.write(t, "secrets", secrets)
	cmd := exec.Command("bash", filepath.Join(l.dir, "steps/57-apiserver.sh"))
	cmd.Env = append(os.Environ(), "BUNDLE="+l.dir, "HOST_DIR="+l.dir, "SECRETS="+l.dir+"/secrets", "DRY_RUN=", "CHANGE_LIST="+l.dir+"/changes")
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), oneKey) || strings.Contains(string(out), otherKey) {
		t.Errorf("a key is shown: %s", out)
	}
	return string(out), err
}

func secretsWith(name, value string) string {
	return "cluster=c\nencryption-key=" + value + "\nencryption-key-name=" + name + "\n"
}

// encryptionConfiguration is apiserver.config.k8s.io/v1, as far as satchel writes it
// (k8s.io/apiserver, pkg/apis/apiserver/v1).
type encryptionConfiguration struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Resources  []struct {
		Resources []string `yaml:"resources"`
		Providers []struct {
			AESCBC    *providerKeys `yaml:"aescbc"`
			Secretbox *providerKeys `yaml:"secretbox"`
			Identity  *struct{}     `yaml:"identity"`
		} `yaml:"providers"`
	} `yaml:"resources"`
}

type providerKeys struct {
	Keys []struct {
		Name   string `yaml:"name"`
		Secret string `yaml:"secret"`
	} `yaml:"keys"`
}

// keysOf are the keys of a configuration, in order, as the API server understands it.
func keysOf(t *testing.T, text string) []string {
	t.Helper()
	var c encryptionConfiguration
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if c.APIVersion != "apiserver.config.k8s.io/v1" || c.Kind != "EncryptionConfiguration" || len(c.Resources) != 1 || !slices.Equal(c.Resources[0].Resources, []string{"secrets"}) {
		t.Fatalf("it is %+v\n%s", c, text)
	}
	var keys []string
	for i, p := range c.Resources[0].Providers {
		if last := i == len(c.Resources[0].Providers)-1; last != (p.Identity != nil) {
			t.Errorf("what is not encrypted is read by provider %d\n%s", i, text)
		}
		for provider, list := range map[string]*providerKeys{"aescbc": p.AESCBC, "secretbox": p.Secretbox} {
			if list == nil {
				continue
			}
			for _, k := range list.Keys {
				keys = append(keys, provider+" "+k.Name+" "+k.Secret)
			}
		}
	}
	return keys
}

// What is written between two keys has all of them in order, and is read back the same.
func TestConfigurationsBetweenKeys(t *testing.T) {
	l := newKeyLibrary(t)
	for _, keys := range [][]string{
		{"secretbox key1 " + oneKey},
		{"secretbox key1 " + oneKey, "secretbox key-20261127T101500Z " + otherKey},
		{"secretbox key2 " + otherKey, "aescbc key1 " + oneKey},
		{"aescbc a " + oneKey, "secretbox b " + otherKey, "aescbc c " + thirdKey},
	} {
		text := l.keyed(t, keys...)
		if got := keysOf(t, text); !slices.Equal(got, keys) {
			t.Errorf("the API server has %q, not %q", got, keys)
		}
		l.write(t, "config", text)
		if got := l.must(t, "20-read", `. "$BUNDLE/steps/keys.sh"; read_keys "$BUNDLE/config"; printf '%s\n' "${KEYS[@]}"`); got != strings.Join(keys, "\n")+"\n" {
			t.Errorf("read back: %q", got)
		}
	}
	// Bundles from before keys had names wrote it without quotes.
	for text, ok := range map[string]bool{
		strings.Replace(l.keyed(t, "secretbox key1 "+oneKey), `"key1"`, "key1", 1):        true,
		l.keyed(t, "secretbox key1 "+oneKey) + "      - kms: {name: mine}\n":              false,
		strings.Replace(l.keyed(t, "secretbox key1 "+oneKey), "[secrets]", "[events]", 1): false,
		strings.Replace(l.keyed(t, "secretbox key1 "+oneKey), "secretbox:", "aesgcm:", 1): false,
		strings.Replace(l.keyed(t, "secretbox key1 "+oneKey), "secret:", "#", 1):          false,
		"": false,
	} {
		l.write(t, "config", text)
		_, err := l.step(t, "20-read", "lib.sh", `. "$BUNDLE/steps/keys.sh"; read_keys "$BUNDLE/config" && [[ ${KEYS[*]} == "secretbox key1 `+oneKey+`" ]]`)
		if (err == nil) != ok {
			t.Errorf("%v of\n%s", err, text)
		}
	}
}

// A key that the API server does not write with is refused before anything is changed,
// also on a host between two keys; and those of before are never dropped.
func TestAKeyThatTheAPIServerDoesNotWriteWithIsRefused(t *testing.T) {
	const first, second = "secretbox key1 " + oneKey, "secretbox key2 " + otherKey
	for name, c := range map[string]struct {
		has     []string
		secrets string
		says    string // of a refusal
		after   []string
	}{
		"the same key":                  {has: []string{first}, secrets: secretsWith("key1", oneKey), after: []string{first}},
		"a new key":                     {has: []string{first}, secrets: secretsWith("key2", otherKey), says: "run ./cluster.sh encryption --secrets FILE on all control planes first"},
		"an old key":                    {has: []string{second}, secrets: secretsWith("key1", oneKey), says: "Give the cluster's newest secrets"},
		"another key of that name":      {has: []string{first}, secrets: secretsWith("key1", otherKey), says: "they are not those of this cluster"},
		"another provider":              {has: []string{"aescbc key1 " + oneKey}, secrets: secretsWith("key1", oneKey), says: "encrypts with aescbc and the key key1, and the bundle with these secrets has secretbox and key1"},
		"between keys, the one to come": {has: []string{first, second}, secrets: secretsWith("key2", otherKey), says: "run ./cluster.sh encryption"},
		"between keys, the old one":     {has: []string{second, first}, secrets: secretsWith("key1", oneKey), says: "Give the cluster's newest secrets"},
		"between keys, the writing one": {has: []string{second, first}, secrets: secretsWith("key2", otherKey), after: []string{second, first}},
		"secrets from before names":     {has: []string{first}, secrets: "cluster=c\nencryption-key=" + oneKey + "\n", says: "needs the secret encryption-key-name"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newKeyLibrary(t)
			l.apiServer(t)
			before := l.keyed(t, c.has...)
			l.write(t, hostConfig, before)
			out, err := l.apply(t, c.secrets)
			if c.says != "" {
				if err == nil || !strings.Contains(out, c.says) || l.read(t, hostConfig) != before {
					t.Errorf("%v: %s", err, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got := keysOf(t, l.read(t, hostConfig)); !slices.Equal(got, c.after) {
				t.Errorf("the keys are %q\n%s", got, out)
			}
			if told := strings.Contains(out, "the change of the encryption key is not through"); told != (len(c.after) > 1) {
				t.Errorf("said was %s", out)
			}
			info, err := os.Stat(filepath.Join(l.dir, hostConfig))
			if err != nil || len(c.after) == 1 && info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
	t.Run("secrets from before names say what to do", func(t *testing.T) {
		out, err := newKeyLibrary(t).apply(t, "cluster=c\nencryption-key="+oneKey+"\n")
		if err == nil || !strings.Contains(out, "satchel secrets new --from OLD") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("a configuration that somebody else wrote", func(t *testing.T) {
		l := newKeyLibrary(t)
		l.apiServer(t)
		l.write(t, hostConfig, "kind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{kms: {}}]}]\n")
		before := l.read(t, hostConfig)
		if out, err := l.apply(t, secretsWith("key1", oneKey)); err == nil || !strings.Contains(out, "is not as satchel writes it") || l.read(t, hostConfig) != before {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("an API server that does not read it yet", func(t *testing.T) {
		l := newKeyLibrary(t)
		l.write(t, hostConfig, l.keyed(t, first))
		if out, err := l.apply(t, secretsWith("key2", otherKey)); err != nil || !slices.Equal(keysOf(t, l.read(t, hostConfig)), []string{second}) {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// A snapshot whose Secrets nobody could read is refused: the API server would never be ready.
func TestASnapshotOfAnotherKeyIsRefused(t *testing.T) {
	l := newKeyLibrary(t)
	l.apiServer(t)
	l.write(t, hostConfig, l.keyed(t, "secretbox key2 "+otherKey))
	for name, c := range map[string]struct {
		holds string
		says  string
	}{
		"its own":                   {holds: "\x00\x00k8s:enc:secretbox:v1:key2:\xff\xfe"},
		"its own and one of before": {holds: "k8s:enc:secretbox:v1:key1:\xff\n\x00k8s:enc:secretbox:v1:key2:\xff"},
		"nothing encrypted":         {holds: "k8s\x00\n\v1\x12\x06Secret"},
		"another key":               {holds: "\x81\x00k8s:enc:secretbox:v1:key1:\xff", says: "does not have (secretbox key1)"},
		"another provider":          {holds: "k8s:enc:aescbc:v1:key2:\xff k8s:enc:aescbc:v1:key1:\xff", says: "does not have (aescbc key1, aescbc key2)"},
	} {
		t.Run(name, func(t *testing.T) {
			l.write(t, "snapshot.db", c.holds)
			out, err := l.step(t, "cluster", "lib.sh", `. "$BUNDLE/steps/keys.sh"; check_snapshot "$BUNDLE/snapshot.db"`)
			if (err == nil) != (c.says == "") || !strings.Contains(out, c.says) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// reset.sh takes the configuration back as satchel's own, whichever key it was cut off at.
func TestAConfigurationBetweenKeysIsUndone(t *testing.T) {
	l := newKeyLibrary(t)
	if out, err := l.apply(t, secretsWith("key1", oneKey)); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.must(t, "cluster", `. "$BUNDLE/steps/keys.sh"; scratch; configuration 'secretbox key2 `+otherKey+`' 'secretbox key1 `+oneKey+`' >"$NEW"; settle "$ENCRYPTION" 600`)
	if got := len(keysOf(t, l.read(t, hostConfig))); got != 2 {
		t.Fatalf("there are %d keys", got)
	}
	out := l.undo(t)
	if _, err := os.Stat(filepath.Join(l.dir, "etc/kubernetes")); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "kept")); !os.IsNotExist(err) {
		t.Errorf("a key of ours was kept as somebody's edit: %v\n%s", err, out)
	}
}
