package disk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ReadAhead tells the kernel what is about to be read, so that the disk works while
// the processor does, in runs that are long enough for disks that must move a head.
// What the kernel makes of it does not matter.
func ReadAhead(f *os.File, at, n int64) {
	_ = unix.Fadvise(int(f.Fd()), at, n, unix.FADV_WILLNEED)
}

// Reserve takes the room for a file before it is filled. It tells whether the file
// system can do so; one that cannot may also be slow, or write zeros, when a file is
// not filled in order.
func Reserve(f *os.File, size int64) (bool, error) {
	if size == 0 {
		return true, nil
	}
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return false, nil
		case err != nil:
			return false, &os.PathError{Op: "reserving room for", Path: f.Name(), Err: err}
		default:
			return true, nil
		}
	}
}

// openDirect opens f once more, for writing past the kernel's memory (open(2), O_DIRECT);
// nil where the file system does not do that.
func openDirect(f *os.File) *os.File {
	direct, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_WRONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil
	}
	return direct
}

// startWriting has the disk begin with a stretch now; syncing the file has less to
// wait for then.
func startWriting(f *os.File, at, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), at, n, unix.SYNC_FILE_RANGE_WRITE)
}

// Forget waits until the disk has a stretch, and gives back the memory in which the
// kernel keeps it. An n of 0 is all that follows.
func Forget(f *os.File, at, n int64) {
	const wait = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	_ = unix.SyncFileRange(int(f.Fd()), at, n, wait)
	_ = unix.Fadvise(int(f.Fd()), at, n, unix.FADV_DONTNEED)
}
