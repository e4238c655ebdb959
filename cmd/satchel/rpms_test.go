package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// rpmPackages are lines of a spec file by the names of its packages.
var rpmPackages = [][]string{
	{"filesystem", "Version: 3.16", "Provides: /bin/sh"}, // by these two a distribution is known
	{"glibc", "Version: 2.34"},
	{"util-linux", "Version: 2.37"},
	{"iproute", "Version: 6.2"},
	{"socat", "Version: 1.7.4", "Requires: libwrap0 >= 1:7.6", "Obsoletes: old-relay < 9"},
	{"libwrap0", "Version: 7.6", "Epoch: 1"},
	{"old-relay", "Version: 1"},
	{"wants-socat", "Version: 1", "Requires: socat"},
	{"cri-tools", "Version: 1.34.0"},
	{"kubeadm", "Version: 1.34.4"},
	{"kubectl", "Version: 1.34.4"},
	{"kubelet", "Version: 1.34.4"},
}

// What is awkward about them: directories with and without an owner, of another mode, below
// others that no package has; settings of each kind; a log that the package does not bring;
// a user.
const (
	rpmScripts = "%pre -n socat\ngetent passwd satchel-test >/dev/null || useradd -r -M satchel-test 2>/dev/null || :\n"
	rpmInstall = `cd %{buildroot}/opt
mkdir -p lent used common way/there/under etc
touch way/there/under/file taken ghost.log etc/kept.conf etc/replaced.conf etc/new.conf
ln -s socat link
`
)

var rpmFiles = map[string]string{
	"filesystem": "%dir %attr(755, root, root) /opt/common\n",
	"socat": `%dir %attr(700, root, root) /opt/lent
%dir %attr(711, root, root) /opt/used
%dir %attr(755, root, root) /opt/common
/opt/way/there/under/file
/opt/taken
/opt/link
%ghost /opt/ghost.log
%config(noreplace) /opt/etc/kept.conf
%config /opt/etc/replaced.conf
%config /opt/etc/new.conf
`,
}

// rpmsCmd is `rpms DIR REPOSITORY [unsigned]`: it makes a repository of small packages with
// rpmbuild, rpmsign and createrepo_c, and has the spec in DIR take packages from it.
func rpmsCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: rpms DIR REPOSITORY [unsigned]")
	}
	dir, repository := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	work, err := os.MkdirTemp("", "rpms") // short, as gpg's sockets need it
	ts.Check(err)
	defer os.RemoveAll(work)
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "HOME="+work, "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if err != nil {
			ts.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	ts.Check(os.WriteFile(filepath.Join(work, "all.spec"), []byte(rpmSpec()), 0o644))
	run("rpmbuild", "-bb", "--quiet", "--target", "x86_64", "--define", "_topdir "+work+"/build", "--define", "_rpmdir "+repository,
		"--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", "--define", "_binary_payload w1.gzdio", filepath.Join(work, "all.spec"))
	gpg := []string{"--homedir", work, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}
	run("gpg", append(gpg, "--quick-gen-key", "packages", "rsa2048", "sign")...)
	defer run("gpgconf", "--homedir", work, "--kill", "gpg-agent")
	if len(args) == 2 {
		files, err := filepath.Glob(filepath.Join(repository, "*.rpm"))
		ts.Check(err)
		program, err := exec.LookPath("gpg")
		ts.Check(err)
		run("rpmsign", append([]string{"--define", "__gpg " + program, "--define", "_gpg_name packages", "--define", "_gpg_path " + work,
			"--define", "_gpg_sign_cmd_extra_args --batch --pinentry-mode loopback --passphrase ''", "--addsign"}, files...)...)
	}
	run("createrepo_c", "--quiet", repository)
	run("gpg", append(gpg, "--armor", "--detach-sign", filepath.Join(repository, "repodata/repomd.xml"))...)
	ts.Check(os.MkdirAll(filepath.Join(dir, "keys"), 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "keys/own.asc"), []byte(run("gpg", append(gpg, "--armor", "--export")...)), 0o644))
	spec := fmt.Sprintf("package cluster\n\npackages: systems: \"rhel-9\": repositories: own: {url: \"file://%s\", keys: [\"keys/own.asc\"]}\n", filepath.ToSlash(repository))
	ts.Check(os.WriteFile(filepath.Join(dir, "packages.cue"), []byte(spec), 0o644))
}

func rpmSpec() string {
	var b strings.Builder
	b.WriteString("Name: all\nVersion: 1\nRelease: 1.el9\nSummary: many\nLicense: MIT\n%define _build_id_links none\n%define debug_package %{nil}\n%define __os_install_post %{nil}\n%description\nMany.\n")
	for _, p := range rpmPackages {
		fmt.Fprintf(&b, "%%package -n %s\nSummary: a package of tests\nAutoReqProv: no\n%s\n%%description -n %[1]s\nA package of tests.\n", p[0], strings.Join(p[1:], "\n"))
	}
	b.WriteString(rpmScripts + "%install\nmkdir -p %{buildroot}/opt/satchel-test\n" + rpmInstall)
	for _, p := range rpmPackages {
		fmt.Fprintf(&b, "echo %s >%%{buildroot}/opt/satchel-test/%[1]s\n", p[0])
	}
	for _, p := range rpmPackages {
		fmt.Fprintf(&b, "%%files -n %s\n/opt/satchel-test/%[1]s\n%[2]s", p[0], rpmFiles[p[0]])
	}
	return b.String()
}
