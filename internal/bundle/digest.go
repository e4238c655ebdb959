package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// hexDigits takes the digits out of "sha256:HEX".
func hexDigits(digest string) (string, error) {
	digits, found := strings.CutPrefix(digest, "sha256:")
	if !found || !isHex(digits) {
		return "", fmt.Errorf("reading digest %q: it is not %q and 64 lower-case hexadecimal digits", digest, "sha256:")
	}
	return digits, nil
}

func isHex(digits string) bool {
	return len(digits) == 2*sha256.Size && strings.Trim(digits, "0123456789abcdef") == ""
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// blobPath is where the image layout keeps the blob with a valid digest.
func blobPath(digest string) string {
	return blobsDir + strings.TrimPrefix(digest, "sha256:")
}
