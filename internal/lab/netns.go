//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace without a name: it lives as long as this
// process holds it open or a process runs in it, so nothing can be forgotten.
type namespace struct {
	mu     sync.Mutex
	file   *os.File
	closed bool
}

func newNamespace() (*namespace, error) {
	var made *os.File
	err := onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		var err error
		made, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return nil, err
	}
	return &namespace{file: made}, nil
}

// onOwnThread runs f on a thread of the operating system whose network
// namespace it may change. The thread is put back into its own afterwards; one
// that cannot be put back is given up, not used again.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		own, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- err
			return
		}
		defer own.Close()
		err = f()
		if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// path names the namespace to a program that the lab starts before close.
func (n *namespace) path() string { return fdPath(n.file) }

func fdPath(f *os.File) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()) }

func (n *namespace) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	return n.file.Close()
}

// hold gives a handle of the caller's own, which a close of the namespace in
// the meantime does not touch.
func (n *namespace) hold() (*os.File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errors.New("the network namespace is gone")
	}
	fd, err := unix.FcntlInt(n.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("holding a network namespace: %w", err)
	}
	return os.NewFile(uintptr(fd), n.file.Name()), nil
}

// output runs a program of the machine inside the namespace; where is for its
// errors.
func (n *namespace) output(ctx context.Context, where string, stdin io.Reader, command ...string) (stdout, stderr string, err error) {
	held, err := n.hold()
	if err != nil {
		return "", "", fmt.Errorf("running %q on %s: %w", command, where, err)
	}
	defer held.Close()
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + fdPath(held), "--"}, command...)...)
	cmd.Stdin = stdin
	cmd.WaitDelay = 5 * time.Second
	return output(cmd, where, command)
}

// batch hands a script to a program of the namespace, such as `ip -batch -`.
func (n *namespace) batch(ctx context.Context, script string, command ...string) error {
	_, _, err := n.output(ctx, "the bridge", strings.NewReader(script), command...)
	return err
}

// do runs f on a thread that is inside the namespace.
func (n *namespace) do(f func() error) error {
	held, err := n.hold()
	if err != nil {
		return err
	}
	defer held.Close()
	return onOwnThread(func() error {
		if err := unix.Setns(int(held.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return f()
	})
}

// dial connects from inside the namespace. address must hold an IP address:
// names would be looked up on another thread, outside.
func (n *namespace) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("connecting inside the lab: %w", err)
	}
	err = n.do(func() error {
		conn, err = (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
