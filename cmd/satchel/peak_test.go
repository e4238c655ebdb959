package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// timed runs a command and says how long it took and how much memory any one process of
// it had at most. The kernel's own account of a child begins with the memory of its
// parent, which is this test; so it is looked up while they run.
func timed(t testing.TB, cmd *exec.Cmd) (cost, error) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	ended, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for {
			most = max(most, residentPeak(cmd.Process.Pid))
			select {
			case <-ended:
				peak <- most
				return
			// The peak only grows, and looking takes time from the command.
			case <-time.After(min(max(time.Since(begin)/20, 5*time.Millisecond), 100*time.Millisecond)):
			}
		}
	}()
	err := cmd.Wait()
	took := time.Since(begin).Seconds()
	close(ended)
	return cost{took, <-peak}, err
}

// residentPeak is the largest VmHWM of a process group (proc_pid_status(5)), in bytes.
func residentPeak(group int) int64 {
	var most int64
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		// The name in parentheses may have anything in it; behind it come the state,
		// the parent and the group.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if err != nil || len(fields) < 3 || fields[2] != strconv.Itoa(group) {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "status"))
		if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
			var kib int64
			fmt.Sscan(rest, &kib)
			most = max(most, kib<<10)
		}
	}
	return most
}
