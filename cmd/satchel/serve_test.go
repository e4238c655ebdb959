package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/satchel-kit/satchel/internal/bundle"
	"github.com/satchel-kit/satchel/internal/cache"
	"github.com/satchel-kit/satchel/internal/lock"
)

// freeportCmd is `freeport VARIABLE`: the variable gets the number of a port on the
// loopback interface where nobody listens.
func freeportCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: freeport VARIABLE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	ts.Check(l.Close())
}

// getCmd is `get URL FILE`: it waits for the server to be there and writes what it
// answers to the file. With `!` the server must refuse.
func getCmd(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get URL FILE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	resp, err := request(ctx, args[0])
	ts.Check(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if (resp.StatusCode != http.StatusOK) != neg {
		ts.Fatalf("%s: %s\n%s", args[0], resp.Status, data)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
}

func request(ctx context.Context, url string) (*http.Response, error) {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return resp, err
		}
		pauseFor(ctx, 10*time.Millisecond)
	}
}

// emptyBundle is a bundle without images, whose path has a space.
func emptyBundle(t *testing.T) (path string) {
	t.Helper()
	store, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	path = filepath.Join(t.TempDir(), "my b.tar")
	meta := bundle.Meta{Name: "lab", Version: "1", Spec: digest, Satchel: "v1"}
	if err := bundle.Write(t.Context(), path, bundle.Input{Meta: meta, Lock: &lock.Lock{Format: lock.Format}, Cache: store}, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestServeEndsInPeaceWhenSystemdStopsIt has a client that keeps its connection.
func TestServeEndsInPeaceWhenSystemdStopsIt(t *testing.T) {
	path := emptyBundle(t)
	cmd := exec.CommandContext(t.Context(), "satchel", "serve", path, "--listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stderr)
	line, err := said.ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(line), " at ")
	if err != nil || !found {
		t.Fatalf("it said %q, %v", line, err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Get(address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(said)
	if err := errors.Join(err, cmd.Wait()); err != nil || len(rest) > 0 {
		t.Errorf("%v, it said %q", err, rest)
	}
}

// TestTheUnitsServeAtTheSocketOfSystemd has systemd's own programs judge the units, and
// start what the service starts when somebody connects.
func TestTheUnitsServeAtTheSocketOfSystemd(t *testing.T) {
	analyze, activate := need(t, "systemd-analyze"), need(t, "systemd-socket-activate")
	path, units := emptyBundle(t), filepath.Join(t.TempDir(), "units")
	letThrough(t, path)
	letThrough(t, satchelProgram(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if out, err := exec.CommandContext(t.Context(), "satchel", "serve", path, "--listen", address, "--units", units).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	socket, service := filepath.Join(units, socketUnit), filepath.Join(units, serviceUnit)
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", socket, service).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
	if text := readText(t, socket); !strings.Contains(text, "\nListenStream="+address+"\n") {
		t.Errorf("the socket is\n%s", text)
	}
	_, start, _ := strings.Cut(readText(t, service), "\nExecStart=")
	start, _, _ = strings.Cut(start, "\n")
	if !strings.HasSuffix(start, ` serve "`+path+`"`) {
		t.Errorf("the service starts %s", start)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "exec "+activate+" --listen "+address+" "+start)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	resp, err := request(ctx, "http://"+address+"/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("it answers %s", resp.Status)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWordsOfUnitsAreThoseThatWereMeant(t *testing.T) {
	for word, want := range map[string]string{
		"/opt/b.tar": "/opt/b.tar", "/opt/my b.tar": `"/opt/my b.tar"`, "100%": "100%%", "$HOME": "$$HOME", `a"b`: `"a\"b"`, `a\b`: `"a\\b"`,
	} {
		if got := unitWord(word); got != want {
			t.Errorf("%s is written %s, want %s", word, got, want)
		}
	}
}
