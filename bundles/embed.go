// Package bundles embeds the sources of the reference bundles, which are also the
// profiles of `satchel init`: of each its cluster.cue and what that refers to. It only
// embeds: nothing here reads or evaluates them.
package bundles

import "embed"

// Sources holds a directory for each bundle, without its rendered tree and its lock.
// Those two, which others derive from the sources, are why names beginning with s or t
// are left out; "all:" takes names such as __init__.py along. Embedding keeps no
// permission bits, so no source may depend on being executable.
//
//go:embed */*.cue all:*/[^st]*
var Sources embed.FS
