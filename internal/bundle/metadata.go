package bundle

// The files of a bundle that its bundle.json does not list: itself, and what follows
// from it or vouches for it.
const (
	manifestName  = "bundle.json"
	sumsName      = "SHA256SUMS"
	signatureName = "SHA256SUMS.sig"
)

// provenanceName is the file that says what a bundle was made from.
const provenanceName = "provenance.json"

// metadata are the files that bundle.json does not list, in the order in which an
// archive begins with them. All else that is in a bundle, bundle.json must list.
var metadata = []struct {
	name string
	// limit is more than any has.
	limit    int64
	required bool
}{
	{manifestName, maxManifest, true},
	{sumsName, maxManifest, true},
	{signatureName, 64 << 10, false},
}

// limitOf is the most that a file of the metadata can have, or 0 for any other file.
func limitOf(path string) int64 {
	for _, m := range metadata {
		if m.name == path {
			return m.limit
		}
	}
	return 0
}
