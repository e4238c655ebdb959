package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/rogpeppe/go-internal/testscript"
)

// debianCmd is `debian DIR REPOSITORY [UNTIL]`: it makes a signed repository of small debs
// for amd64, valid until a date, and has the spec in DIR take packages from it.
func debianCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: debian DIR REPOSITORY [UNTIL]")
	}
	dir, repository := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	files, err := debianRepository(args[2:])
	ts.Check(err)
	key := files["key"]
	delete(files, "key")
	for name, data := range files {
		file := filepath.Join(repository, name)
		ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
		ts.Check(os.WriteFile(file, data, 0o644))
	}
	ts.Check(os.MkdirAll(filepath.Join(dir, "keys"), 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "keys/own.asc"), key, 0o644))
	spec := fmt.Sprintf("package cluster\n\npackages: systems: \"debian-12\": repositories: own: {url: \"file://%s\", suites: [\"/\"], keys: [\"keys/own.asc\"]}\n", filepath.ToSlash(repository))
	ts.Check(os.WriteFile(filepath.Join(dir, "packages.cue"), []byte(spec), 0o644))
}

// debianRepository has the files of a repository by name, and its key.
func debianRepository(until []string) (map[string][]byte, error) {
	entity, err := openpgp.NewEntity("own", "", "own@example.com", nil)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	var packages strings.Builder
	for _, control := range []string{
		"Package: base-files\nVersion: 12.4\nArchitecture: amd64\nEssential: yes\nPriority: required\n",
		"Package: mount\nVersion: 2.38\nArchitecture: amd64\nPriority: required\n",
		"Package: util-linux\nVersion: 2.38\nArchitecture: amd64\nPriority: required\n",
		"Package: iproute2\nVersion: 6.1\nArchitecture: amd64\nPriority: important\n",
		"Package: socat\nVersion: 1.7.4-2\nArchitecture: amd64\nPriority: optional\nDepends: libwrap0 (>= 7.6-4)\n",
		"Package: libwrap0\nVersion: 1:7.6.q-32\nArchitecture: amd64\nPriority: optional\n",
		"Package: cri-tools\nVersion: 1.34.0-1.1\nArchitecture: amd64\nPriority: optional\n",
		"Package: kubeadm\nVersion: 1.34.5-1.1\nArchitecture: amd64\nPriority: optional\n",
		"Package: kubeadm\nVersion: 1.34.4-1.1\nArchitecture: amd64\nPriority: optional\n",
		"Package: kubectl\nVersion: 1.34.5-1.1\nArchitecture: amd64\nPriority: optional\n",
		"Package: kubectl\nVersion: 1.34.4-1.1\nArchitecture: amd64\nPriority: optional\n",
		"Package: kubelet\nVersion: 1.34.5-1.1\nArchitecture: amd64\nPriority: optional\n",
		"Package: kubelet\nVersion: 1.34.4-1.1\nArchitecture: amd64\nPriority: optional\n",
	} {
		name := strings.Fields(control)[1]
		deb, err := smallDeb(control, debFiles[name])
		if err != nil {
			return nil, err
		}
		file := "pool/" + name + ".deb"
		if _, twice := files[file]; twice {
			file = "pool/" + name + "-before.deb"
		}
		files[file] = deb
		fmt.Fprintf(&packages, "%sFilename: %s\nSize: %d\nSHA256: %x\n\n", control, file, len(deb), sha256.Sum256(deb))
	}
	files["Packages"] = []byte(packages.String())
	release := fmt.Sprintf("Date: %s\nArchitectures: amd64\nSHA256:\n %x %d Packages\n",
		"Thu, 01 Jan 2026 00:00:00 UTC", sha256.Sum256(files["Packages"]), len(files["Packages"]))
	if len(until) > 0 {
		end, err := time.Parse(time.DateOnly, until[0])
		if err != nil {
			return nil, err
		}
		release = "Valid-Until: " + end.Format("Mon, 02 Jan 2006 15:04:05 UTC") + "\n" + release
	}
	files["InRelease"], err = signedText(entity, release)
	if err != nil {
		return nil, err
	}
	files["key"], err = publicKey(entity)
	return files, err
}

func signedText(entity *openpgp.Entity, text string) ([]byte, error) {
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, entity.PrivateKey, nil)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func publicKey(entity *openpgp.Entity) ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	if err == nil {
		err = entity.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	return append(out.Bytes(), '\n'), err
}

// debFiles are what packages have beside their control file, in archives of paths and
// texts; names that end with a slash are directories.
var debFiles = map[string]struct{ control, data [][2]string }{
	"socat": {
		[][2]string{
			{"./conffiles", "/opt/etc/kept.conf\n/opt/etc/new.conf\n"},
			{"./preinst", "#!/bin/sh\ngetent passwd satchel-test >/dev/null || useradd -r -M satchel-test 2>/dev/null || :\n"},
		},
		[][2]string{
			{"./", ""}, {"./opt/", ""}, {"./opt/lent/", ""}, {"./opt/used/", ""}, {"./opt/way/", ""}, {"./opt/way/there/", ""},
			{"./opt/way/there/file", "socat"}, {"./opt/taken", "socat"}, {"./opt/etc/", ""}, {"./opt/etc/kept.conf", "socat"}, {"./opt/etc/new.conf", "socat"},
		},
	},
}

// smallDeb is a package (deb(5)).
func smallDeb(control string, files struct{ control, data [][2]string }) ([]byte, error) {
	control += "Maintainer: nobody <nobody@example.com>\nDescription: a package of tests\n"
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	member := func(name string, data []byte) {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", name, 0, 0, 0, "100644", len(data), data)
		if len(data)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	inside, err := tarball(append([][2]string{{"./control", control}}, files.control...))
	if err != nil {
		return nil, err
	}
	data, err := tarball(files.data)
	member("debian-binary", []byte("2.0\n"))
	member("control.tar.gz", inside)
	member("data.tar.gz", data)
	return out.Bytes(), err
}

func tarball(files [][2]string) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, f := range files {
		name, text := f[0], f[1]
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}
		if strings.HasSuffix(name, "/") || strings.HasPrefix(text, "#!") {
			header.Mode = 0o755
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}
