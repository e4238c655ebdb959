package rpm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// isName tells whether a text can be the name of a package. Names become those of
// files, so nothing that means something in a path may be in one.
func isName(s string) bool {
	if s == "" || !isAlnum(s[0]) && s[0] != '_' {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && !strings.ContainsRune("+-._", rune(s[i])) {
			return false
		}
	}
	return true
}

// isPath tells whether what is depended on is a file.
func isPath(name string) bool { return strings.HasPrefix(name, "/") }

// inPrimary tells whether a file is of those that every primary.xml lists, so that the
// much larger filelists.xml need not be read for it (the rule of createrepo).
func inPrimary(file string) bool {
	return strings.HasPrefix(file, "/etc/") || strings.Contains(file, "bin/") || file == "/usr/lib/sendmail"
}

// isHex tells whether a text is a checksum of so many bytes.
func isHex(s string, bytes int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == bytes && strings.ToLower(s) == s
}

// parseSize reads a size in bytes.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%.30q is no size in bytes", s)
	}
	return n, nil
}

func sha256Hex(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
