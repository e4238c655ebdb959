package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/browser"
	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/serve"
)

// classroom is a site with the kit of eight seats in classroom.tar.
func classroom(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	text, err := os.ReadFile("../../bundles/classroom/cluster.cue")
	if err != nil {
		t.Fatal(err)
	}
	s.write("spec/cluster.cue", strings.Replace(string(text), "seats: 3\n", "seats: 8\n", 1))
	s.upstream(func(h http.Handler) http.Handler { return h })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "classroom.tar")
	return s
}

// serving starts satchel serve over a bundle.
func serving(t *testing.T, bundle string) (*httptest.Server, *serve.Server) {
	t.Helper()
	server, err := serve.New(t.Context(), bundle)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() { web.Close(); server.Close() })
	return web, server
}

// TestAKitServesAndPushesWhatItsSeatsShare promises that a kit's images are had from the
// kit, from each seat's own bundle and from a registry that either was pushed to, and that
// all three have the same bytes.
func TestAKitServesAndPushesWhatItsSeatsShare(t *testing.T) {
	registry, other := realRegistry(t), realRegistry(t)
	s := classroom(t)
	s.must("unpack", "classroom.tar", "-o", "seat07", "--seat", "7")
	s.must("push", "classroom.tar", registry, "--images", "--plain-http")
	s.must("push", "seat07", other, "--images", "--plain-http")
	kit, own := serving(t, s.path("classroom.tar"))
	seat, ofSeat := serving(t, s.path("seat07"))
	images := own.Manifest().Images
	if len(images) == 0 || len(images) != len(ofSeat.Manifest().Images) {
		t.Fatalf("the kit has %d images, seat 7 %d", len(images), len(ofSeat.Manifest().Images))
	}
	for _, image := range images {
		name, tag, _ := strings.Cut(image.Name, ":")
		for _, what := range append([]string{path.Join(name, "manifests", tag)}, parts(name, image)...) {
			want := ask(t, kit.URL, what)
			for who, from := range map[string]string{"seat 7": seat.URL, "the registry with the kit's": "http://" + registry, "the registry with the seat's": "http://" + other} {
				if got := ask(t, from, what); !bytes.Equal(got, want) || len(got) == 0 {
					t.Errorf("%s: %s has %d bytes, the kit serves %d", what, who, len(got), len(want))
				}
			}
		}
	}
	files := 0
	for _, file := range own.Manifest().Files {
		if strings.HasPrefix(file.Path, "files/") {
			files++
			if a, b := get(t, kit.URL+"/"+file.Path), get(t, seat.URL+"/"+file.Path); !bytes.Equal(a, b) || int64(len(a)) != file.Size {
				t.Errorf("%s: the kit serves %d bytes, seat 7 %d of %d", file.Path, len(a), len(b), file.Size)
			}
		}
	}
	if files == 0 {
		t.Error("the kit has no files")
	}
	// A seat's own things are nobody else's business.
	for _, secret := range []string{"/seats/07/hosts/master/kubeadm.yaml", "/teacher/README.md", "/files/../teacher/README.md"} {
		if resp, err := http.Get(kit.URL + secret); err != nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v, %v", secret, resp, err)
		}
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", url, resp.Status, err)
	}
	return b.Bytes()
}

// TestAKitComesBackFromARegistry promises that a kit is stored whole: from what comes back
// every seat is unpacked as from the first.
func TestAKitComesBackFromARegistry(t *testing.T) {
	registry := realRegistry(t)
	s := classroom(t)
	s.must("push", "classroom.tar", registry+"/kits/classroom:1", "--plain-http")
	s.must("pull", registry+"/kits/classroom:1", "-o", "again.tar", "--plain-http", "--cache", s.path("other"))
	if !bytes.Equal(s.read("classroom.tar"), s.read("again.tar")) {
		t.Error("it comes back with other bytes")
	}
	s.must("unpack", "classroom.tar", "-o", "a", "--seat", "8")
	s.must("unpack", "again.tar", "-o", "b", "--seat", "8")
	if !bytes.Equal(s.read("a/SHA256SUMS"), s.read("b/SHA256SUMS")) {
		t.Error("seat 8 is another one")
	}
	s.must("verify", "b")
}

// TestASeatHasWhatItsHostsInstall promises that all that install.sh looks for on a host is
// where it looks, in the bundle of a seat and in its part for that host.
func TestASeatHasWhatItsHostsInstall(t *testing.T) {
	s := classroom(t)
	s.must("unpack", "classroom.tar", "-o", "seat07", "--seat", "7")
	env := regexp.MustCompile(`(?m)^(HOST_STEPS|HOST_FILES|MANIFESTS|CLUSTER_NAME|HOST_ADDRESS)='(.*)'$`)
	below := map[string]string{"HOST_STEPS": "steps", "HOST_FILES": "", "MANIFESTS": "manifests"}
	addresses := map[string]string{"master": "192.168.56.71", "node1": "192.168.56.72", "node2": "192.168.56.73"}
	for host, address := range addresses {
		part := "part-" + host
		s.must("unpack", "classroom.tar", "-o", part, "--seat", "7", "--host", host)
		for _, dir := range []string{"seat07", part} {
			named := 0
			for _, m := range env.FindAllStringSubmatch(string(s.read(dir+"/hosts/"+host+"/host.env")), -1) {
				switch m[1] {
				case "CLUSTER_NAME":
					if m[2] != "classroom-07" {
						t.Errorf("%s is of the cluster %s", host, m[2])
					}
				case "HOST_ADDRESS":
					if m[2] != address {
						t.Errorf("%s has the address %s, want %s", host, m[2], address)
					}
				default:
					for _, name := range strings.Fields(m[2]) {
						named++
						if _, err := os.Stat(s.path(filepath.Join(dir, below[m[1]], name))); err != nil {
							t.Errorf("%s of %s in %s: %v", m[1], host, dir, err)
						}
					}
				}
			}
			if named < 10 {
				t.Errorf("%s in %s names only %d files", host, dir, named)
			}
			if _, err := bundle.Inspect(t.Context(), s.path(dir)); err != nil {
				t.Error(err)
			}
			for _, line := range strings.Split(strings.TrimSpace(string(s.read(dir+"/images/list"))), "\n") {
				digest, _, _ := strings.Cut(strings.TrimPrefix(line, "sha256:"), " ")
				if _, err := os.Stat(s.path(dir + "/images/blobs/sha256/" + digest)); err != nil {
					t.Errorf("an image of %s: %v", dir, err)
				}
			}
		}
	}
}

// TestTheTeachersCommandsWork types what the teacher's page says, and looks for the files
// that it names.
func TestTheTeachersCommandsWork(t *testing.T) {
	s := classroom(t)
	s.must("render", "spec", "-o", "tree")
	page := string(s.read("tree/teacher/README.md"))
	_, block, _ := strings.Cut(page, "\n```\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	if strings.Count(block, "satchel ") != 4 {
		t.Errorf("the first block of the page is\n%s", block)
	}
	s.types(t, strings.ReplaceAll(block, "SPEC", "spec"))
	files := regexp.MustCompile("`((?:parts|[a-z]+\\.secrets)/[^`]*)`").FindAllStringSubmatch(page, -1)
	if len(files) != 8+8*3 {
		t.Errorf("the page names %d files of secrets", len(files))
	}
	for _, m := range files {
		if info, err := os.Stat(s.path(m[1])); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", m[1], info, err)
		}
	}
	for _, name := range []string{"seat01/install.sh", "seat01/check.sh", "seat08/lesson.sh", "seat08/fleet.sh"} {
		if _, err := os.Stat(s.path(name)); err != nil {
			t.Error(err)
		}
	}
}

// types has bash run a text in the site.
func (s *site) types(t *testing.T, text string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", text)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, text, out)
	}
	return string(out)
}

// deadSeats stands in for SSH to the hosts of a classroom: all answer as well ones do, but for
// some of seat 3 and one of seat 5.
const deadSeats = `#!/bin/bash
all=$* name=${all##*--host } name=${name%% *}
case "$* " in
*root@192.168.56.3[23]*) echo 'ssh: connect to host 192.168.56.3x port 22: No route to host' >&2; exit 255 ;;
*root@192.168.56.51*status.sh*) echo "$name: kubelet.service is <b>failed</b> & 1 more"; exit 1 ;;
*status.sh*) echo "$name: all is well" ;;
*) cat /proc/sys/kernel/random/uuid; date +%s ;;
esac
`

// TestTheTeachersPageShowsTheSeats has the kit's own scripts ask the hosts, and looks at
// the page in a browser. The lab does the same with booted hosts.
func TestTheTeachersPageShowsTheSeats(t *testing.T) {
	need(t, "ssh")
	s := classroom(t)
	s.types(t, "tar -xf classroom.tar teacher; for nn in 01 02 03 04 05 06 07 08; do satchel unpack classroom.tar -o seat$nn --seat $nn; done")
	s.write("bin/ssh", deadSeats)
	s.types(t, "chmod +x bin/ssh; ! teacher/teacher.sh --jobs 8 >said")
	if said := string(s.read("said")); said != "classroom.html: 6 of 8 seats are well\n" {
		t.Errorf("it says %q", said)
	}
	b := browser.New(t)
	for _, width := range []int{390, 1400} {
		for _, scheme := range []string{"light", "dark"} {
			b.Screen(width, 900, scheme)
			b.Open(s.path("classroom.html"))
			if wide := b.Overflow("pre, .wide"); len(wide) > 0 {
				t.Errorf("too wide: %q", wide)
			}
			if faint := b.Faint(); len(faint) > 0 {
				t.Errorf("hard to read: %q", faint)
			}
			b.Picture(fmt.Sprintf("teacher-%d-%s", width, scheme))
		}
	}
	rows := browser.Run[[]string](b, `return [...document.querySelector("#state").parentElement.querySelector("table").tBodies[0].rows].map((r) => [...r.cells].map((c) => c.textContent).join("|"))`)
	if len(rows) != 24 || rows[0] != "01|classroom-01|正常|master|all is well" || rows[1] != "||正常|node1|all is well" {
		t.Fatalf("%d rows, %q", len(rows), rows)
	}
	if row := rows[7]; !strings.HasPrefix(row, "||有问题|node1|") || !strings.Contains(row, "No route to host") {
		t.Errorf("seat 3 has %q", row)
	}
	if row := rows[12]; row != "05|classroom-05|有问题|master|failed: master: kubelet.service is <b>failed</b> & 1 more; see fleet-master.log" {
		t.Errorf("seat 5 has %q", row)
	}
	if text := browser.Run[string](b, `return document.querySelector("#state + p").textContent`); !strings.HasPrefix(text, "共 8 个座位， 6 个一切正常；") {
		t.Errorf("it sums up %q", text)
	}
	if list := b.Complaints(); len(list) > 0 {
		t.Errorf("the console has %q", list)
	}
	// Nothing is asked, and nothing written, where a seat is not there.
	s.types(t, "rm -r classroom.html seat08; ! teacher/teacher.sh 2>said")
	if said := string(s.read("said")); !strings.Contains(said, "there is no ./seat08/fleet.sh; unpack the seat there") {
		t.Errorf("it says %q", said)
	}
	if _, err := os.Stat(s.path("classroom.html")); err == nil {
		t.Error("it wrote a page")
	}
}
