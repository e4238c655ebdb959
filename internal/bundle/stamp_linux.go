package bundle

import (
	"os"
	"syscall"
	"time"
)

// stampOf looks at a file. Where file systems keep whole seconds only, a change in the
// same second would not show, and there are no stamps.
func stampOf(path string) (fileStamp, bool) {
	// Opening a file that is on another machine asks that machine anew.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fileStamp{}, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fileStamp{}, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Ctim.Nsec == 0 {
		return fileStamp{}, false
	}
	return fileStamp{
		Path: path, Size: st.Size, Device: uint64(st.Dev), Inode: st.Ino,
		Modified: time.Unix(st.Mtim.Unix()).UnixNano(), Changed: time.Unix(st.Ctim.Unix()).UnixNano(),
	}, true
}
