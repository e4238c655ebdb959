//go:build !linux

package bundle

// stampOf is for systems whose times satchel does not know how to read: there every
// build packs.
func stampOf(string) (fileStamp, bool) { return fileStamp{}, false }
