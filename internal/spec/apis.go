package spec

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue"

	"github.com/satchel-kit/satchel/internal/manifest"
)

// knownAPIs is the schema's table of what Kubernetes' releases serve.
func knownAPIs(ctx *cue.Context) ([]manifest.API, error) {
	table, err := compile(ctx, apisFile)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		APIVersion string   `json:"apiVersion"`
		Kinds      []string `json:"kinds"`
		From       int      `json:"from"`
		To         int      `json:"to"`
		Instead    string   `json:"instead"`
	}
	if err := lookup(table, "apis").Decode(&rows); err != nil {
		return nil, fmt.Errorf("reading the catalogue's APIs: %w", err)
	}
	var list []manifest.API
	for _, row := range rows {
		group, version, found := strings.Cut(row.APIVersion, "/")
		if !found {
			group, version = "", row.APIVersion
		}
		for _, kind := range row.Kinds {
			list = append(list, manifest.API{Group: group, Version: version, Kind: kind, From: row.From, To: row.To, Instead: row.Instead})
		}
	}
	return list, nil
}
