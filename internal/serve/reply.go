package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

const indexType = "application/vnd.oci.image.index.v1+json"

// reply answers with JSON, of the type in the header if there is one.
func reply(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	w.Write(data)
}

// refuse answers with an error in the specification's form.
func refuse(w http.ResponseWriter, status int, code, format string, args ...any) {
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	reply(w, status, map[string]any{"errors": []problem{{code, fmt.Sprintf(format, args...)}}})
}

// noReferrers is an empty list: a bundle has no artifacts that refer to images.
func noReferrers(w http.ResponseWriter) {
	w.Header().Set("Content-Type", indexType)
	reply(w, http.StatusOK, map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []any{}})
}
