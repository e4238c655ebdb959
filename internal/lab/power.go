//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Kill cuts the power: every process of the host ends at once. What it had
// written is on its disk, as the kernel that wrote it lives on.
func (m *Machine) Kill() {
	m.power.Lock()
	defer m.power.Unlock()
	m.cutPower()
}

func (m *Machine) cutPower() {
	m.stop.Store(true)
	if m.cable.Load() != nil {
		// Off the wire first: a kernel outlives its host here and would still
		// refuse connections politely.
		_ = m.CutOff(context.Background()) // the port may be gone by now
	}
	for m.on() {
		if nspawn := m.nspawn.Load(); nspawn != nil {
			_ = nspawn.Kill() // it takes its process namespace along; or it has just ended
		}
		select {
		case <-m.ended:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// PowerOff shuts the host down in good order and waits for it.
func (m *Machine) PowerOff(ctx context.Context) error {
	m.power.Lock()
	defer m.power.Unlock()
	if !m.on() {
		return nil
	}
	m.stop.Store(true)
	if nspawn := m.nspawn.Load(); nspawn != nil {
		_ = nspawn.Signal(unix.SIGTERM) // nspawn tells systemd; or it has just ended
	}
	select {
	case <-m.ended:
		return m.endErr
	case <-ctx.Done():
		return fmt.Errorf("powering off host %q: %w", m.host.Name, ctx.Err())
	}
}

// Close cuts the power and removes the host with its disk. Further calls give
// the first one's result.
func (m *Machine) Close() error {
	m.closing.Do(func() {
		m.Kill()
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		if err := errors.Join(m.groups.remove(ctx), os.RemoveAll(m.dir)); err != nil {
			m.closeErr = fmt.Errorf("removing host %q: %w", m.host.Name, err)
		}
		m.net.forget(m)
	})
	return m.closeErr
}
