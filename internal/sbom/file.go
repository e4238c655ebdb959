package sbom

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/satchel-kit/satchel/internal/lock"
	"github.com/satchel-kit/satchel/internal/render"
)

// file is a file, or a package of the operating system, that is fetched by URL.
type file struct {
	id, path, name, version, url, sha256, purl string
	size                                       int64
}

// text is a rendered file.
type text struct {
	id, path string
	// SPDX identifies files by SHA-1, and takes no document without it.
	sha1, sha256 string
}

func newText(f render.File) text {
	short, long := sha1.Sum(f.Data), sha256.Sum256(f.Data)
	t := text{path: f.Path, sha1: hex.EncodeToString(short[:]), sha256: hex.EncodeToString(long[:])}
	t.id = identity("File", t.path, t.sha256)
	return t
}

func newFile(l lock.File) file {
	f := file{id: identity("Download", l.Path, l.SHA256), path: l.Path, url: l.URL, sha256: l.SHA256, size: l.Size}
	f.name = withoutEndings(path.Base(l.Path))
	q := packageurl.Qualifiers{{Key: "checksum", Value: "sha256:" + l.SHA256}, {Key: "download_url", Value: l.URL}}
	if owner, repository, tag, is := release(l.URL); is {
		f.version = strings.TrimPrefix(tag, "v")
		f.purl = packageurl.NewPackageURL(packageurl.TypeGithub, strings.ToLower(owner), strings.ToLower(repository), tag, q, "").ToString()
		return f
	}
	f.version = versionIn(l.URL)
	f.purl = packageurl.NewPackageURL(packageurl.TypeGeneric, "", f.name, f.version, q, "").ToString()
	return f
}

// newPackage is a package of the operating system
// (https://github.com/package-url/purl-spec/blob/main/types-doc, deb and rpm).
func newPackage(set lock.PackageSet, p lock.Package) file {
	f := file{
		id: identity("Package", set.Place, p.Name, p.SHA256), path: path.Join(set.Dir(), set.File(p)),
		name: p.Name, version: p.Version, url: p.URL, sha256: p.SHA256, size: p.Size,
	}
	distro, vendor := set.System(), "debian"
	if _, release, _ := strings.Cut(distro, "-"); !set.RPM() && strings.Contains(release, ".") {
		// Of the family, Ubuntu's releases have a dot.
		distro, vendor = "ubuntu-"+release, "ubuntu"
	}
	q := packageurl.Qualifiers{{Key: "arch", Value: p.Architecture}, {Key: "checksum", Value: "sha256:" + p.SHA256}, {Key: "distro", Value: distro}}
	kind, version := packageurl.TypeDebian, p.Version
	if set.RPM() {
		kind, vendor = packageurl.TypeRPM, "rhel"
		if epoch, rest, has := strings.Cut(version, ":"); has {
			version, q = rest, append(q, packageurl.Qualifier{Key: "epoch", Value: epoch})
		}
	}
	f.purl = packageurl.NewPackageURL(kind, vendor, p.Name, version, q, "").ToString()
	return f
}

// release recognises https://github.com/OWNER/REPOSITORY/releases/download/TAG/FILE.
func release(address string) (owner, repository, tag string, is bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host != "github.com" {
		return "", "", "", false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) != 6 || parts[2] != "releases" || parts[3] != "download" {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[4], true
}

// versionPattern is a version at the end of a word, or all of it.
var versionPattern = regexp.MustCompile(`(?:^|[-_])v?(\d+(?:\.\d+){1,3}(?:[-+][0-9A-Za-z.+-]+)?)$`)

// versionIn finds the version in an address, from its end: in the file's name, or in a
// directory of its own.
func versionIn(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	for dir := withoutEndings(u.Path); dir != "/" && dir != "." && dir != ""; dir = path.Dir(dir) {
		if m := versionPattern.FindStringSubmatch(path.Base(dir)); m != nil {
			return m[1]
		}
	}
	return ""
}

func withoutEndings(name string) string {
	for _, ending := range []string{".tar.gz", ".tar.xz", ".tar.zst", ".tgz", ".zip", ".gz", ".xz", ".deb", ".rpm"} {
		if short, is := strings.CutSuffix(name, ending); is {
			return short
		}
	}
	return name
}
