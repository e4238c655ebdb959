//go:build lab && linux

package lab

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed enter.sh
var enterScript string

// Exec runs a command on the host as root. When it fails, the error holds an
// *exec.ExitError with its status.
func (m *Machine) Exec(ctx context.Context, stdin io.Reader, command ...string) (stdout, stderr string, err error) {
	leader, err := m.leader()
	if err != nil {
		return "", "", fmt.Errorf("running %q on host %q: %w", command, m.host.Name, err)
	}
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", enterScript, "enter"}, command...)...)
	cmd.Stdin = stdin
	cmd.Env = append(os.Environ(), "LAB_GROUPS="+strings.Join(m.groups, " "), "LAB_LEADER="+strconv.Itoa(leader))
	// nsenter's child does not end with it, but is in its process group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return output(cmd, fmt.Sprintf("host %q", m.host.Name), command)
}

// output runs cmd, which is command somewhere else than here.
func output(cmd *exec.Cmd, where string, command []string) (string, string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("running %q on %s: %w%s", command, where, err, lastLine(stderr.String()))
	}
	return stdout.String(), stderr.String(), err
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": " + text[strings.LastIndexByte(text, '\n')+1:]
}

// leader is the host's process 1, as this machine numbers it: the child of
// systemd-nspawn that is number 1 in a process namespace of its own.
func (m *Machine) leader() (int, error) {
	nspawn := m.nspawn.Load()
	if nspawn == nil {
		return 0, errors.New("the host is off")
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nspawn.Pid, nspawn.Pid))
	if err != nil {
		return 0, errors.New("the host is going off")
	}
	for child := range strings.FieldsSeq(string(children)) {
		status, err := os.ReadFile("/proc/" + child + "/status")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) > 0 && f[0] == "NSpid:" && f[len(f)-1] == "1" {
				return strconv.Atoi(child)
			}
		}
	}
	return 0, errors.New("the host has no process 1 yet")
}

// CopyIn copies the content of a directory of this machine into dest on the
// host, with owners and modes; dest is made when it is missing.
func (m *Machine) CopyIn(ctx context.Context, dir, dest string) error {
	if _, _, err := m.Exec(ctx, nil, "mkdir", "-p", "--", dest); err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() {
		archive := tar.NewWriter(writer)
		err := archive.AddFS(os.DirFS(dir))
		writer.CloseWithError(errors.Join(err, archive.Close()))
	}()
	defer reader.Close() // ends the writer when tar ends early
	if _, _, err := m.Exec(ctx, reader, "tar", "--extract", "--preserve-permissions", "--directory", dest); err != nil {
		return fmt.Errorf("copying %q to %q: %w", dir, dest, err)
	}
	return nil
}
