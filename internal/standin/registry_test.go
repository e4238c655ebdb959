package standin

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// startRegistry starts the reference registry (Debian: docker-registry) over an
// empty directory, and stops it at the test's end.
func startRegistry(t *testing.T) (host string) {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("no docker-registry here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	l.Close()
	config := filepath.Join(t.TempDir(), "config.yml")
	text := "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: " + t.TempDir() + "}}\nhttp: {addr: " + host + "}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", config)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait() })
	t.Cleanup(stop)
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get("http://" + host + "/v2/"); err == nil {
			resp.Body.Close()
			return host
		}
	}
	stop()
	t.Fatalf("docker-registry does not answer: %s", said.String())
	return ""
}

func TestTheReferenceRegistryTakesTheImagesUnchanged(t *testing.T) {
	host := startRegistry(t)
	for range 2 { // a second push is nothing new
		if err := Push(t.Context(), host, true, images); err != nil {
			t.Fatal(err)
		}
	}
	for _, img := range images {
		ref, err := place(host, img.Name, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		there, err := remote.Head(ref, remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		index, err := makeIndex(img)
		if err != nil {
			t.Fatal(err)
		}
		if digest, err := index.Digest(); err != nil || digest != there.Digest {
			t.Errorf("%s is %s there, and %s here, %v", img.Name, there.Digest, digest, err)
		}
	}
}
