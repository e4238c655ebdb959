package deb

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// providedNames are the names in a field Provides. What is wrong in the field is found
// when the package is asked for.
func providedNames(value string) []string {
	var names []string
	for one := range strings.SplitSeq(value, ",") {
		if end := strings.IndexAny(one, "(:"); end >= 0 {
			one = one[:end]
		}
		if one = strings.TrimSpace(one); one != "" {
			names = append(names, one)
		}
	}
	return names
}

func sha256Hex(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
