package serve

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// names are the images of the packed bundle that a reference can have behind the
// server's own name; one with a port in its path cannot.
var names = [...]string{pause, older, busybox}

func reference(t testing.TB, host, image string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(host+"/"+image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestGoContainerregistryPullsEveryImage(t *testing.T) {
	path := packed(t)
	for _, bundle := range []string{path, unpacked(t, path)} {
		host := listen(t, bundle)
		for _, image := range names {
			for _, arch := range []string{"amd64", "arm64"} {
				platform := v1.Platform{OS: "linux", Architecture: arch}
				img, err := remote.Image(reference(t, host, image), remote.WithPlatform(platform), remote.WithContext(t.Context()))
				if image == older && arch == "arm64" {
					if err == nil {
						t.Errorf("%s has an image for arm64", image)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := validate.Image(img); err != nil {
					t.Errorf("%s for %s: %v", image, arch, err)
				}
			}
		}
		index, err := remote.Index(reference(t, host, busybox))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Error(err)
		}
		repositories, err := remote.Catalog(t.Context(), reference(t, host, pause).Context().Registry, remote.WithPageSize(2))
		if err != nil || len(repositories) != 3 {
			t.Errorf("the catalogue has %q, %v", repositories, err)
		}
		tags, err := remote.List(reference(t, host, pause).Context(), remote.WithPageSize(1))
		if err != nil || strings.Join(tags, " ") != "3.10 3.6" {
			t.Errorf("the tags are %q, %v", tags, err)
		}
	}
}

func TestSkopeoPullsEveryImage(t *testing.T) {
	program, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("skopeo is not installed")
	}
	path := packed(t)
	for _, bundle := range []string{path, unpacked(t, path)} {
		host := listen(t, bundle)
		for _, image := range names {
			out, err := exec.CommandContext(t.Context(), program, "--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false",
				"docker://"+host+"/"+image, "dir:"+t.TempDir()).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", image, err, out)
			}
		}
	}
}

func TestTwoHundredPullAtOnce(t *testing.T) {
	path := packed(t)
	for what, bundle := range map[string]string{"packed": path, "unpacked": unpacked(t, path)} {
		host := listen(t, bundle)
		var clients sync.WaitGroup
		for i := range 200 {
			clients.Go(func() {
				img, err := remote.Image(reference(t, host, names[i%len(names)]))
				if err == nil {
					err = validate.Image(img)
				}
				if err != nil {
					t.Errorf("%s: client %d: %v", what, i, err)
				}
			})
		}
		clients.Wait()
	}
}

// heavyBundle has one layer of a size that would be seen in memory.
func heavyBundle(t testing.TB, size int) (path, target string) {
	f := newFixture(t)
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(data)
	f.addFile("files/heavy", data)
	return f.write("heavy.tar"), "/files/heavy"
}

func TestMemoryDoesNotGrowWithTheContent(t *testing.T) {
	const size = 64 << 20
	path, target := heavyBundle(t, size)
	for what, bundle := range map[string]string{"packed": path, "unpacked": unpacked(t, path)} {
		host := listen(t, bundle)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 4 {
			if n := download(t, "http://"+host+target); n != size {
				t.Fatalf("got %d bytes", n)
			}
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > size/2 {
			t.Errorf("%s: %d bytes were allocated for %d served", what, grown, 4*size)
		}
	}
}

func download(t testing.TB, url string) int64 {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil {
		t.Errorf("the date is %q: %v", resp.Header.Get("Date"), err)
	}
	return n
}

func BenchmarkDownload(b *testing.B) {
	const size = 256 << 20
	path, target := heavyBundle(b, size)
	for what, bundle := range map[string]string{"directory": unpacked(b, path), "tar": path} {
		b.Run(what, func(b *testing.B) {
			url := "http://" + listen(b, bundle) + target
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				download(b, url)
			}
		})
	}
}

// TestASlowClientIsNotCutOff promises that only a client that does not even take a
// portion in time has to fear the time limit.
func TestASlowClientIsNotCutOff(t *testing.T) {
	for _, size := range []int{0, 1, portion, 3*portion + 7} {
		content := bytes.Repeat([]byte("x"), size)
		w := &slowLine{t: t}
		a := newAnswer(w)
		n, err := a.ReadFrom(io.LimitReader(bytes.NewReader(content), int64(size)))
		if err != nil || n != int64(size) || a.bytes != n || w.taken != size {
			t.Errorf("%d bytes of %d were sent, %d counted, %d taken: %v", n, size, a.bytes, w.taken, err)
		}
	}
}

// slowLine is a connection that takes a portion and nothing more until it is given
// more time.
type slowLine struct {
	http.ResponseWriter
	t           *testing.T
	taken, left int
}

func (l *slowLine) SetWriteDeadline(at time.Time) error {
	if time.Until(at) < portionTime/2 {
		l.t.Errorf("the deadline is %s", at)
	}
	l.left = portion
	return nil
}

func (l *slowLine) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, fmt.Errorf("more than a portion without new time")
	}
	l.taken += len(p)
	return len(p), nil
}
