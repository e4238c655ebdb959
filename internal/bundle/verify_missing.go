package bundle

import (
	"strings"
)

// checkMissing names the files that should be there and are not.
func (v *verifier) checkMissing() {
	for _, m := range metadata {
		if m.required && !v.seen[m.name] && !v.broken {
			v.problem(m.name, "is missing")
		}
	}
	v.leaveOut()
	unread := 0
	for _, file := range v.source.manifest.Files {
		switch {
		case file.Base || v.seen[file.Path] || v.leftOut(file.Path):
		case v.broken:
			unread++
		default:
			v.problem(file.Path, "is missing")
		}
	}
	if unread > 0 {
		v.problem("", "%d files were not reached", unread)
	}
}

// leaveOut finds the hosts that an unpacked bundle was not unpacked for: nothing
// of their folders is there, but something of another host's is.
func (v *verifier) leaveOut() {
	if !v.source.unpacked || v.broken {
		return
	}
	listed, there := map[string]bool{}, map[string]bool{}
	for _, file := range v.source.manifest.Files {
		if host := hostOf(file.Path); host != "" {
			listed[host] = true
			there[host] = there[host] || v.seen[file.Path]
		}
	}
	var absent []string
	for _, host := range v.source.manifest.Hosts {
		if listed[host.Name] && !there[host.Name] {
			absent = append(absent, host.Name)
		}
	}
	if len(absent) < len(listed) {
		v.report.LeftOut = append(v.report.LeftOut, absent...)
	}
}

func (v *verifier) leftOut(path string) bool {
	host := hostOf(path)
	for _, absent := range v.report.LeftOut {
		if host == absent {
			return true
		}
	}
	return false
}

// hostOf is the host whose folder the path is in, or "".
func hostOf(path string) string {
	rest, found := strings.CutPrefix(path, hostsDir)
	if !found {
		return ""
	}
	host, _, found := strings.Cut(rest, "/")
	if !found {
		return ""
	}
	return host
}
