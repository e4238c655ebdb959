package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
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

// listReferrers lists what is about a digest, of one type if the client wants that.
func listReferrers(w http.ResponseWriter, r *http.Request, all []v1.Descriptor) {
	list := []v1.Descriptor{}
	wanted := r.URL.Query().Get("artifactType")
	for _, d := range all {
		if wanted == "" || d.ArtifactType == wanted {
			list = append(list, d)
		}
	}
	if wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	w.Header().Set("Content-Type", indexType)
	reply(w, http.StatusOK, v1.IndexManifest{SchemaVersion: 2, MediaType: indexType, Manifests: list})
}
