package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func loopback(t testing.TB) net.Listener {
	t.Helper()
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// start runs the server until the function that it returns is called.
func start(t testing.TB, l net.Listener, h http.Handler, certificates *tls.Config) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, l, h, certificates, slog.New(slog.DiscardHandler)) }()
	return func() error { cancel(); return <-ended }
}

func TestAnAnswerUnderWayIsFinishedWhenTheServerStops(t *testing.T) {
	l := loopback(t)
	began, goOn := make(chan struct{}), make(chan struct{})
	stop := start(t, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-goOn
		io.WriteString(w, "all of it")
	}), nil)
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body)
		got <- string(data)
	}()
	<-began
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for { // until nobody new is let in
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	if answer := <-got; answer != "all of it" {
		t.Errorf("the client got %q", answer)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestItSpeaksTLS(t *testing.T) {
	other := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1, and a client that trusts it
	defer other.Close()
	l := loopback(t)
	stop := start(t, l, open(t, packed(t)), &tls.Config{Certificates: other.TLS.Certificates})
	resp, err := other.Client().Get("https://" + l.Addr().String() + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.TLS == nil {
		t.Errorf("%s", resp.Status)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestSystemdIsToldTheState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	stop := start(t, loopback(t), http.NotFoundHandler(), nil)
	buf := make([]byte, 100)
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "READY=1" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "STOPPING=1" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", path+"x")
	if err := start(t, loopback(t), http.NotFoundHandler(), nil)(); err == nil || !strings.Contains(err.Error(), `telling systemd "READY=1"`) {
		t.Errorf("got %v", err)
	}
}

func TestAnAddressThatIsTakenIsNamed(t *testing.T) {
	address := loopback(t).Addr().String()
	if _, err := Listen(t.Context(), address); err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "another program does already") {
		t.Errorf("got %v", err)
	}
	if _, err := Listen(t.Context(), "nonsense"); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("got %v", err)
	}
}

// TestTheSocketOfSystemdIsTaken runs this test's program as a service whose socket
// is already open.
func TestTheSocketOfSystemdIsTaken(t *testing.T) {
	if os.Getenv("SERVE_AS_SERVICE") != "" {
		// Systemd sets the number of the process after the fork, as nobody else can.
		t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		l, err := Listen(t.Context(), "127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "from the service")
		return
	}
	l := loopback(t)
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "SERVE_AS_SERVICE=1", "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{socket}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	data, err := io.ReadAll(conn)
	if err := errors.Join(err, cmd.Wait()); err != nil || string(data) != "from the service" {
		t.Errorf("%q, %v\n%s", data, err, said.String())
	}
}

func TestSocketsOfOthersAreLeftAlone(t *testing.T) {
	t.Setenv("LISTEN_FDS", "1")
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getppid()))
	if l := loopback(t); l.Addr().(*net.TCPAddr).Port == 0 {
		t.Errorf("it listens on %s", l.Addr())
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", "2")
	if _, err := Listen(t.Context(), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), `"2" of them`) {
		t.Errorf("got %v", err)
	}
}
