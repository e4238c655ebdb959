package render

import "io/fs"

// File is one rendered text file.
type File struct {
	// Path is slash-separated and relative to the bundle's root.
	Path string
	// Mode is 0o755 for scripts that are run, 0o644 for all else.
	Mode fs.FileMode
	Data []byte
}

// Tree is a whole rendered bundle tree, sorted by path.
type Tree []File
