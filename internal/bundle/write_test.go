package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/cache"
)

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	in := sample(t)
	for _, name := range []string{"a.tar", "a.tar.gz", "a.tar.zst"} {
		t.Run(name, func(t *testing.T) {
			want := must(os.ReadFile(build(t, in, name)))
			for what, change := range map[string]func(*testing.T, *Input){
				"again":      func(*testing.T, *Input) {},
				"one core":   func(t *testing.T, _ *Input) { atCores(t, 1) },
				"many cores": func(t *testing.T, _ *Input) { atCores(t, 7) },
				"umask": func(t *testing.T, _ *Input) {
					before := syscall.Umask(0o077)
					t.Cleanup(func() { syscall.Umask(before) })
				},
				"time zone":    func(t *testing.T, _ *Input) { t.Setenv("TZ", "Pacific/Chatham") },
				"other cache":  func(t *testing.T, in *Input) { in.Cache = copyCache(t, in) },
				"other orders": func(_ *testing.T, in *Input) { reverse(in) },
			} {
				t.Run(what, func(t *testing.T) {
					other := in
					change(t, &other)
					if got := must(os.ReadFile(build(t, other, name))); !bytes.Equal(got, want) {
						t.Errorf("other bytes: %d and %d of them", len(got), len(want))
					}
				})
			}
		})
	}
}

func atCores(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// copyCache is a cache elsewhere whose blobs are days older.
func copyCache(t *testing.T, in *Input) *cache.Cache {
	c := openCache(t)
	for _, it := range must(assemble(*in)) {
		if !it.inCache() {
			continue
		}
		f := must(in.Cache.Get(it.digest()))
		data := must(io.ReadAll(f))
		f.Close()
		if err := c.Put(it.digest(), data); err != nil {
			t.Fatal(err)
		}
		copied := must(c.Get(it.digest()))
		copied.Close()
		old := time.Now().Add(-100 * time.Hour)
		if err := os.Chtimes(copied.Name(), old, old); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func reverse(in *Input) {
	in.Tree = slices.Clone(in.Tree)
	slices.Reverse(in.Tree)
	in.Meta.Hosts = slices.Clone(in.Meta.Hosts)
	slices.Reverse(in.Meta.Hosts)
}

func TestEntriesAreInTheOrderThatReadersNeed(t *testing.T) {
	var names []string
	tr := tar.NewReader(must(os.Open(build(t, sample(t), "a.tar"))))
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		names = append(names, hdr.Name)
	}
	want := []string{
		"bundle.json", "SHA256SUMS",
		"hosts/master1/host.env", "hosts/master1/kubeadm.yaml", "hosts/worker1/kubeadm.yaml", "install.sh",
		"images/oci-layout", "images/index.json", "images/list",
	}
	if !slices.Equal(names[:9], want) {
		t.Errorf("the archive begins with %q", names[:9])
	}
	blobs := names[9 : len(names)-3]
	if !slices.IsSorted(blobs) || !strings.HasPrefix(blobs[0], blobsDir) || !strings.HasPrefix(blobs[len(blobs)-1], blobsDir) {
		t.Errorf("blobs: %q", blobs)
	}
	// 2 shared layers, 1 more, 1 of arm64, 1 of coredns; 4 configs, 4 manifests,
	// 2 indexes.
	if len(blobs) != 15 {
		t.Errorf("%d blobs, want 15", len(blobs))
	}
	if files := names[len(names)-3:]; !slices.Equal(files, []string{"bin/satchel-amd64", "files/amd64/cni.tgz", "files/amd64/kubeadm"}) {
		t.Errorf("the archive ends with %q", files)
	}
}

func TestSha256sumAcceptsTheUnpackedBundle(t *testing.T) {
	program, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("sha256sum is not installed")
	}
	dir := unpacked(t, build(t, sample(t), "a.tar"))
	cmd := exec.Command(program, "--strict", "-c", "SHA256SUMS")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if lines := strings.Count(string(out), ": OK\n"); err != nil || lines != len(listDir(t, dir))-1 {
		t.Errorf("%d lines are OK, %v\n%s", lines, err, out)
	}
}

func TestWriteTellsEveryByte(t *testing.T) {
	in := sample(t)
	var told int64
	if err := Write(t.Context(), filepath.Join(t.TempDir(), "a.tar"), in, func(n int64) { told += n }); err != nil {
		t.Fatal(err)
	}
	if size := must(Size(in)); told != size {
		t.Errorf("told %d bytes of %d", told, size)
	}
}

func TestAProgramThatChangesWhileItIsPackedSpoilsTheBundle(t *testing.T) {
	for what, change := range map[string]func([]byte) []byte{
		"content": func(data []byte) []byte { data[7] ^= 1; return data },
		"shorter": func(data []byte) []byte { return data[1:] },
		"longer":  func(data []byte) []byte { return append(data, 0) },
	} {
		t.Run(what, func(t *testing.T) {
			in := sample(t)
			source := in.Programs[0].Source
			out := filepath.Join(t.TempDir(), "a.tar")
			var once sync.Once
			err := Write(t.Context(), out, in, func(int64) {
				once.Do(func() {
					data := change(must(os.ReadFile(source)))
					if err := os.WriteFile(source, data, 0o600); err != nil {
						t.Error(err)
					}
				})
			})
			wantError(t, err, "bin/satchel-amd64")
			if left := listDir(t, filepath.Dir(out)); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// spoil changes a blob where it lies, and keeps its size.
func spoil(t *testing.T, in Input, digest string) string {
	t.Helper()
	f := must(in.Cache.Get(digest))
	defer f.Close()
	data := must(io.ReadAll(f))
	data[len(data)/2] ^= 1
	if err := errors.Join(os.Chmod(f.Name(), 0o600), os.WriteFile(f.Name(), data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestADamagedBlobIsNamedAndDropped(t *testing.T) {
	for what, pick := range map[string]func(Input) string{
		"layer":    func(in Input) string { return in.Lock.Images[0].Manifests[0].Layers[2].Digest },
		"config":   func(in Input) string { return in.Lock.Images[0].Manifests[0].Config.Digest },
		"manifest": func(in Input) string { return in.Lock.Images[1].Manifests[1].Digest },
		"file":     func(in Input) string { return "sha256:" + in.Lock.Files[0].SHA256 },
	} {
		t.Run(what, func(t *testing.T) {
			in := sample(t)
			digest := pick(in)
			lies := spoil(t, in, digest)
			out := filepath.Join(t.TempDir(), "a.tar")
			wantError(t, Write(t.Context(), out, in, nil), digest, "damaged", "run again")
			if _, err := os.Stat(lies); !os.IsNotExist(err) {
				t.Errorf("the blob is still in the cache: %v", err)
			}
			if left := listDir(t, filepath.Dir(out)); left != nil {
				t.Errorf("left behind: %q", left)
			}
			wantError(t, Write(t.Context(), out, in, nil), digest, "fetch")
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"a layer that is not locked":  {func(in *Input) { m := &in.Lock.Images[0].Manifests[0]; m.Layers = m.Layers[1:] }, "lock the image again"},
		"an image without platforms":  {func(in *Input) { in.Lock.Images[0].Manifests = nil }, "no platform"},
		"a platform that is none":     {func(in *Input) { in.Lock.Images[0].Manifests[0].Platform = "amd64" }, "platform"},
		"a digest that is none":       {func(in *Input) { in.Lock.Images[0].Manifests[0].Config.Digest = "../../x" }, "digest"},
		"a size that is another":      {func(in *Input) { in.Lock.Files[0].Size++ }, "cache lacks"},
		"two sizes of one blob":       {func(in *Input) { in.Lock.Images[0].Manifests[0].Layers[0].Size++ }, "bytes"},
		"an image twice":              {func(in *Input) { in.Lock.Images = append(in.Lock.Images, in.Lock.Images[0]) }, "there twice"},
		"a host twice":                {func(in *Input) { in.Meta.Hosts = append(in.Meta.Hosts, in.Meta.Hosts[0]) }, "there twice"},
		"a host that is a path":       {func(in *Input) { in.Meta.Hosts[0].Name = "../x" }, "folder"},
		"a file twice":                {func(in *Input) { in.Tree[0].Path = "files/amd64/kubeadm" }, "there twice"},
		"a rendered image":            {func(in *Input) { in.Tree[0].Path = "images/index.json" }, "image layout"},
		"a rendered bundle.json":      {func(in *Input) { in.Tree[0].Path = "bundle.json" }, "itself"},
		"a rendered path that leaves": {func(in *Input) { in.Tree[0].Path = "../x" }, "clean relative path"},
		"a program that is not there": {func(in *Input) { in.Programs[0].Source += "x" }, "no such file"},
		"a program twice":             {func(in *Input) { in.Programs = append(in.Programs, in.Programs[0]) }, "there twice"},
		"a program that is a folder":  {func(in *Input) { in.Programs[0].Source = filepath.Dir(in.Programs[0].Source) }, "is a directory"},
		"an image name of two lines":  {func(in *Input) { in.Lock.Images[0].Name += "\nsha256:0 x" }, "control character"},
		"an odd mode":                 {func(in *Input) { in.Tree[0].Mode = 0o600 }, "mode"},
		"no name":                     {func(in *Input) { in.Meta.Name = "" }, "empty"},
		"no spec digest":              {func(in *Input) { in.Meta.Spec = "" }, "digest"},
	} {
		t.Run(what, func(t *testing.T) {
			in := sample(t)
			test.change(&in)
			out := filepath.Join(t.TempDir(), "a.tar")
			wantError(t, Write(t.Context(), out, in, nil), test.want, out)
			if left := listDir(t, filepath.Dir(out)); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestReadProgramRefuses(t *testing.T) {
	in := sample(t)
	source := in.Programs[0].Source
	for what, test := range map[string]struct{ path, source, want string }{
		"one with another place":   {"files/satchel", source, `below "bin/"`},
		"one that is not there":    {"bin/satchel", source + "x", "no such file"},
		"a folder in its place":    {"bin/satchel", filepath.Dir(source), "is a directory"},
		"one that is no such path": {"bin/satchel", "a\x00b", "invalid argument"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := ReadProgram(test.path, test.source)
			wantError(t, err, test.want, test.path)
		})
	}
}

func TestAnotherEndingIsAnErrorThatListsTheFormats(t *testing.T) {
	err := Write(t.Context(), filepath.Join(t.TempDir(), "a.zip"), sample(t), nil)
	wantError(t, err, ".tar, .tar.gz or .tar.zst")
}

func TestAnExistingBundleStaysUntouched(t *testing.T) {
	in := sample(t)
	out := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for what, attempt := range map[string]func() error{
		"cancel midway": func() error {
			told := int64(0)
			return Write(ctx, out, in, func(n int64) {
				if told += n; told > 100_000 {
					cancel()
				}
			})
		},
		"missing blob": func() error {
			other := in
			other.Cache = openCache(t)
			return Write(t.Context(), out, other, nil)
		},
	} {
		if err := attempt(); err == nil {
			t.Errorf("%s: no error", what)
		}
		if got := must(os.ReadFile(out)); string(got) != "old" {
			t.Errorf("%s: the old bundle is gone", what)
		}
		if left := listDir(t, filepath.Dir(out)); len(left) != 1 {
			t.Errorf("%s: left behind: %q", what, left)
		}
	}
	if err := Write(t.Context(), out, in, nil); err != nil {
		t.Error(err)
	}
	if found := problems(t, out); len(found) > 0 {
		t.Error(found)
	}
}

func TestADirectoryIsNotReplaced(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a.tar")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, Write(t.Context(), out, sample(t), nil), "not a file")
}

// smallDisk is a file system of a megabyte.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("satchel-test", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAFullDiskSaysWhatIsNeeded(t *testing.T) {
	in := sample(t) // has 1.6 MB
	dir := smallDisk(t)
	err := Write(t.Context(), filepath.Join(dir, "a.tar"), in, nil)
	wantError(t, err, "no space left", "needed in", dir)
	if left := listDir(t, dir); left != nil {
		t.Errorf("left behind: %q", left)
	}
	err = Unpack(t.Context(), build(t, in, "a.tar"), filepath.Join(dir, "x"), "")
	wantError(t, err, "no space left", "needed in", dir)
	if left := listDir(t, dir); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestAReadOnlyDirectoryFailsBeforeTheWork(t *testing.T) {
	in, want := sample(t), "permission denied"
	dir := t.TempDir()
	if os.Geteuid() == 0 { // whom permissions do not stop
		dir, want = smallDisk(t), "read-only"
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	err := Write(t.Context(), filepath.Join(dir, "a.tar"), in, func(int64) { t.Error("it began to copy") })
	wantError(t, err, want)
}
