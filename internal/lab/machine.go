//go:build lab && linux

package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

//go:embed launch.sh
var launchScript string

const (
	bootTime = 60 * time.Second
	// rebootStatus is how systemd-nspawn says that the host wants to boot again.
	rebootStatus = 133
)

// Host describes a host to boot.
type Host struct {
	// Name is the host name: lower-case letters, digits and hyphens.
	Name    string
	Address netip.Addr
	// Address6 is an IPv6 address that the host has too, in a /64; zero for none.
	Address6 netip.Addr
	// Base is the root file system, as Base gives it. It stays as it is.
	Base string
	// Gateway gives the host a default route to the bridge, where what it sends
	// out of the network is counted and refused. Without it, the host has none.
	Gateway bool
}

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (h Host) check(n *Network) error {
	switch {
	case !hostName.MatchString(h.Name):
		return errors.New("the name must be a host name")
	case !n.subnet.Contains(h.Address) || h.Address == n.Gateway() || h.Address == n.subnet.Addr():
		return fmt.Errorf("address %q must be a host's address in %q other than %q", h.Address, n.subnet, n.Gateway())
	case h.Address6.IsValid() && !h.Address6.Is6():
		return fmt.Errorf("address %q must be of IPv6", h.Address6)
	}
	if _, err := os.Stat(filepath.Join(h.Base, "usr/lib/systemd/systemd")); err != nil {
		return fmt.Errorf("no root file system with systemd in %q: %w", h.Base, err)
	}
	return nil
}

// Machine is a host with its disk, on or off.
type Machine struct {
	host   Host
	net    *Network
	port   string
	dir    string
	groups groups

	power    sync.Mutex // held by what changes the power
	ended    chan struct{}
	endErr   error // why it ended, once ended is closed
	stop     atomic.Bool
	nspawn   atomic.Pointer[os.Process]
	cable    atomic.Pointer[cable]
	unrouted atomic.Uint64

	closing  sync.Once
	closeErr error
}

// Name is the host's name.
func (m *Machine) Name() string { return m.host.Name }

// Address is the address that the host has at every boot.
func (m *Machine) Address() netip.Addr { return m.host.Address }

// Start turns a host on that is off, with the disk that it has, and waits until
// it is up.
func (m *Machine) Start(ctx context.Context) error {
	m.power.Lock()
	defer m.power.Unlock()
	if m.on() {
		return fmt.Errorf("starting host %q: it is on", m.host.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	m.stop.Store(false)
	m.endErr = nil
	m.ended = make(chan struct{})
	go m.supervise(m.ended)
	if err := m.waitUp(ctx); err != nil {
		m.cutPower()
		return fmt.Errorf("booting host %q: %w%s", m.host.Name, err, m.consoleTail())
	}
	return nil
}

func (m *Machine) on() bool {
	if m.ended == nil {
		return false
	}
	select {
	case <-m.ended:
		return false
	default:
		return true
	}
}

// supervise runs the host until it is off, and again when it reboots. The
// thread is its own because the kernel ends a process with the *thread* that
// started it, and the host must not outlive this process.
func (m *Machine) supervise(ended chan struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(ended)
	for {
		status, err := m.runOnce()
		m.endErr = err
		if err != nil || status != rebootStatus || m.stop.Load() {
			return
		}
	}
}

// runOnce is one time from power on to power off.
func (m *Machine) runOnce() (status int, err error) {
	ctx := context.Background()
	c, err := m.plug(ctx)
	if err != nil {
		return 0, err
	}
	m.cable.Store(c)
	defer func() {
		m.nspawn.Store(nil)
		m.cable.Store(nil)
		err = errors.Join(err, m.unplug(ctx, c))
	}()
	console, err := os.OpenFile(m.console(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return 0, fmt.Errorf("opening the console: %w", err)
	}
	defer console.Close()
	cmd := exec.Command("sh", append([]string{"-c", launchScript, "launch"}, m.nspawnArguments()...)...)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.Env = append(os.Environ(), m.launchEnvironment(c)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:       true,
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting systemd-nspawn: %w", err)
	}
	m.nspawn.Store(cmd.Process)
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil // the status says it
	}
	return cmd.ProcessState.ExitCode(), err
}
