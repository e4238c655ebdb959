package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// firstPassed is the number of the first socket that systemd passes (sd_listen_fds(3)).
const firstPassed = 3

// Listen takes the socket that systemd passes to a service with a socket unit, or
// else opens one at the address.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := passed()
	if l != nil || err != nil {
		return l, err
	}
	l, err = new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listening on %q: another program does already; stop it or choose another address with --listen", address)
	} else if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	return l, nil
}

func passed() (net.Listener, error) {
	if pid, err := strconv.Atoi(os.Getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, nil // meant for another process, or for none
	}
	if n := os.Getenv("LISTEN_FDS"); n != "1" {
		return nil, fmt.Errorf("taking the socket from systemd: it passes %q of them, one is wanted", n)
	}
	f := os.NewFile(firstPassed, "LISTEN_FDS")
	defer f.Close() // the listener has a copy
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("taking the socket from systemd: %w", err)
	}
	return l, nil
}

// notify tells systemd the state of a service of Type=notify (sd_notify(3)).
func notify(state string) error {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", address)
	if err == nil {
		_, err = conn.Write([]byte(state))
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		return fmt.Errorf("telling systemd %q: %w", state, err)
	}
	return nil
}
