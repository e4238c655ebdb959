// Package templates embeds every generated text, laid out as it lands in the
// bundle. The folder hosts/HOST stands for each host's own. Names that end in
// .tmpl are Go templates over the plan; all others are copied as they are.
// It only embeds: nothing here renders.
package templates

import "embed"

// FS holds the files below this folder.
//
//go:embed *.sh checks lessons guide teacher steps units manifests hosts
var FS embed.FS
