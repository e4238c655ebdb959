package closure

import (
	"slices"
	"strings"
)

// object is one of Kubernetes' objects in the manifests.
type object struct{ kind, namespace, name string }

// reference is a name in a manifest under which another object is meant.
type reference struct {
	object
	place
}

// references checks that the objects that a pod cannot start without are in the
// manifests too, and the namespaces of all.
func (c *check) references() {
	r := referenceReader{there: map[object]bool{}}
	for _, namespace := range systemNamespaces {
		r.there[object{"Namespace", "", namespace}] = true
	}
	r.there[object{"Namespace", "", "default"}] = true
	users := c.usersTexts()
	for _, f := range c.tree {
		if !strings.HasPrefix(f.Path, "manifests/") {
			continue
		}
		r.path, r.users = f.Path, users[f.Path]
		for _, d := range c.manifestFile(f.Path, f.Data).documents {
			r.object(d)
		}
	}
	for _, ref := range r.references {
		if !r.there[ref.object] {
			c.report(ref.place, "", ref.problem())
		}
	}
}

func (r reference) problem() string {
	if r.kind == "Namespace" {
		return "no manifest makes the namespace " + r.name + ", which this is in"
	}
	return "no manifest has the " + r.kind + " " + r.name + " in the namespace " + r.namespace + ", and pods do not start without it"
}

// systemNamespaces are made by Kubernetes, which puts objects of its own into them.
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease"}

type referenceReader struct {
	path string
	// users says that the file is the user's. Secrets that it names are made by hand
	// or by a program in the cluster: none are in a bundle.
	users      bool
	there      map[object]bool
	references []reference
}

func (r *referenceReader) object(n node) {
	kind := n.field("kind").text()
	if strings.HasSuffix(kind, "List") {
		for _, item := range n.field("items").items() {
			r.object(item)
		}
		return
	}
	name := n.field("metadata", "name").text()
	namespace := n.field("metadata", "namespace")
	own := object{kind, namespace.text(), name}
	if kind == "Namespace" {
		own.namespace = ""
	} else if own.namespace == "" {
		own.namespace = "default"
	}
	r.there[own] = true
	if namespace.text() != "" && kind != "Namespace" {
		r.refer("Namespace", "", namespace)
	}
	if pod := podOf(kind, n); pod.Node != nil {
		r.pod(own.namespace, pod)
	}
}

// podOf is where the pods of a workload are described.
func podOf(kind string, n node) node {
	switch kind {
	case "Pod":
		return n.field("spec")
	case "DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet":
		return n.field("spec", "template", "spec")
	case "CronJob":
		return n.field("spec", "jobTemplate", "spec", "template", "spec")
	}
	return node{}
}

// refer notes a name, unless a program in the cluster makes the object.
func (r *referenceReader) refer(kind, namespace string, name node) {
	made := name.text() == "" || slices.Contains(systemNamespaces, namespace) || kind == "Secret" && r.users ||
		kind == "ConfigMap" && name.text() == "kube-root-ca.crt" || kind == "ServiceAccount" && name.text() == "default"
	if !made {
		r.references = append(r.references, reference{object{kind, namespace, name.text()}, name.place(r.path)})
	}
}

func (r *referenceReader) pod(namespace string, pod node) {
	r.refer("ServiceAccount", namespace, pod.field("serviceAccountName"))
	for _, v := range pod.field("volumes").items() {
		r.source(namespace, v)
		r.refer("PersistentVolumeClaim", namespace, v.field("persistentVolumeClaim", "claimName"))
		for _, s := range v.field("projected", "sources").items() {
			r.source(namespace, s)
		}
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range pod.field(list).items() {
			r.container(namespace, container)
		}
	}
}

// source is a volume of a ConfigMap or a Secret, or a part of a projected one.
func (r *referenceReader) source(namespace string, n node) {
	r.unlessOptional("ConfigMap", namespace, n.field("configMap"), "name")
	r.unlessOptional("Secret", namespace, n.field("secret"), "secretName")
	r.unlessOptional("Secret", namespace, n.field("secret"), "name")
}

func (r *referenceReader) container(namespace string, n node) {
	for _, e := range n.field("env").items() {
		r.unlessOptional("ConfigMap", namespace, e.field("valueFrom", "configMapKeyRef"), "name")
		r.unlessOptional("Secret", namespace, e.field("valueFrom", "secretKeyRef"), "name")
	}
	for _, e := range n.field("envFrom").items() {
		r.unlessOptional("ConfigMap", namespace, e.field("configMapRef"), "name")
		r.unlessOptional("Secret", namespace, e.field("secretRef"), "name")
	}
}

func (r *referenceReader) unlessOptional(kind, namespace string, n node, key string) {
	if n.field("optional").text() != "true" {
		r.refer(kind, namespace, n.field(key))
	}
}
