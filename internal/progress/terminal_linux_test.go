package progress

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo terminal and returns both of its ends.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 120})
	return master, slave
}

func show(t *testing.T, term string) string {
	t.Helper()
	t.Setenv("TERM", term)
	master, slave := terminal(t)
	output := make(chan string)
	go func() {
		data, _ := io.ReadAll(master) // ends with EIO once the slave is closed
		output <- string(data)
	}()
	bars := New(slave)
	good, bad, short := bars.Start("kubeadm", 1000), bars.Start("kubelet", 0), bars.Start("kubectl", 1000)
	good.Add(500)
	short.Add(10) // ends below its size
	time.Sleep(400 * time.Millisecond)
	good.Add(600) // a wrong size must not end it early
	good.Done(nil)
	bad.Done(errors.New("404"))
	short.Done(nil)
	bars.Wait()
	bars.Start("too late", 1).Done(nil)
	slave.Close()
	return <-output
}

func TestTerminalGetsBars(t *testing.T) {
	out := show(t, "xterm")
	if !strings.Contains(out, "kubeadm") || !strings.Contains(out, "500 b / 1.0 kb") && !strings.Contains(strings.ToLower(out), "500.0 b / 1.0 kb") {
		t.Errorf("no bar in %q", out)
	}
	if strings.Contains(out, "started") {
		t.Errorf("plain lines on a terminal: %q", out)
	}
}

func TestDumbTerminalGetsLines(t *testing.T) {
	if out := show(t, "dumb"); !strings.Contains(out, "kubelet: failed") || strings.Contains(out, "\x1b") {
		t.Errorf("got %q", out)
	}
}
