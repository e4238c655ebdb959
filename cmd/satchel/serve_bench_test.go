package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// serving starts satchel serve as a process of its own, and gives its address and group.
func (s *site) serving(bundle string) (host string, group int) {
	s.t.Helper()
	cmd := s.command("serve", bundle, "--listen", "127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	line, err := bufio.NewReader(stderr).ReadString('\n')
	_, host, found := strings.Cut(strings.TrimSpace(line), " at http://")
	if err != nil || !found {
		s.t.Fatalf("it said %q, %v", line, err)
	}
	return host, cmd.Process.Pid
}

// puller is a client that takes blobs and throws them away: what it costs is small
// beside what a registry does.
type puller struct {
	http *http.Client
	host string
}

func newPuller(host string) *puller {
	return &puller{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}, host}
}

func (p *puller) blob(l heavyLayer) error {
	repository, _, _ := strings.Cut(heavy, ":")
	resp, err := p.http.Get("http://" + p.host + "/v2/" + repository + "/blobs/" + l.digest)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (n != l.size || resp.StatusCode != http.StatusOK) {
		err = fmt.Errorf("%s with %d bytes, want %d", resp.Status, n, l.size)
	}
	return err
}

// all takes every layer, several at a time, as container runtimes do.
func (p *puller) all(b *testing.B, layers []heavyLayer) (seconds float64) {
	b.Helper()
	began := time.Now()
	next := make(chan heavyLayer)
	var pulls sync.WaitGroup
	for range 4 {
		pulls.Go(func() {
			for l := range next {
				if err := p.blob(l); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, l := range layers {
		next <- l
	}
	close(next)
	pulls.Wait()
	return time.Since(began).Seconds()
}

// BenchmarkServe has one client pull from satchel serve, out of a tar and out of a
// directory, and from the reference registry, in turns; then 200 clients at once.
func BenchmarkServe(b *testing.B) {
	const size = 8 * mib
	layers := noiseLayers(b, 32, size)
	s := newSite(b)
	s.builtProgram()
	s.upstream(func(inner http.Handler) http.Handler { return heavyImage(b, inner, layers...) })
	s.must("lock", "spec")
	s.must("build", "spec", "-o", "b.tar")
	s.must("unpack", "b.tar", "-o", "dir")
	host, group := s.serving("b.tar")
	unpacked, _ := s.serving("dir")
	from := map[string]*puller{"satchel": newPuller(host), "directory": newPuller(unpacked)}
	if _, err := exec.LookPath("docker-registry"); err == nil {
		registry := realRegistry(b)
		s.must("push", "b.tar", registry, "--images", "--plain-http")
		from["docker-registry"] = newPuller(registry)
	}
	best := map[string]float64{}
	b.SetBytes(int64(len(layers)) * size * int64(len(from)))
	for b.Loop() {
		for range 5 {
			for name, p := range from {
				if took := p.all(b, layers); best[name] == 0 || took < best[name] {
					best[name] = took
				}
			}
		}
	}
	for name, seconds := range best {
		b.ReportMetric(float64(len(layers))*size/1e6/seconds, "MB/s-"+name)
	}
	if other := best["docker-registry"]; other > 0 {
		b.ReportMetric(other/best["satchel"], "x-docker-registry")
	}
	var clients sync.WaitGroup
	for i := range 200 {
		clients.Go(func() {
			if err := from["satchel"].blob(layers[i%len(layers)]); err != nil {
				b.Errorf("client %d of 200: %v", i, err)
			}
		})
	}
	clients.Wait()
	reportPeak(b, residentPeak(group), maxPeak)
}
