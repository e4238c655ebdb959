package diff

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/templates"
)

// The rules say of every file that a step reads what the scripts say, and nothing of
// files that no step reads.
func TestRulesFitTheSteps(t *testing.T) {
	scripts, err := fs.Glob(templates.FS, "steps/[0-9]*.sh")
	if err != nil || len(scripts) < 20 {
		t.Fatal("too few steps:", scripts, err)
	}
	read := map[string]bool{}
	for _, script := range scripts {
		text, err := templates.FS.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		s := parseStep(string(text))
		for _, file := range s.files() {
			if without[strings.TrimPrefix(file, "hosts/*/")] {
				continue
			}
			step := path.Base(script)
			read[step+" "+file] = true
			i := slices.IndexFunc(rules, func(r rule) bool { return r.step == step && r.file == file })
			if i < 0 {
				t.Errorf("%s reads %s, and rules has no row for it", step, file)
				continue
			}
			s.check(t, rules[i])
		}
	}
	for _, r := range rules {
		if !read[r.step+" "+r.file] {
			t.Errorf("rules has a row for %s in %s, which does not read it", r.file, r.step)
		}
	}
}

// step is a script with its variables filled in.
type step struct{ text string }

var (
	assignment = regexp.MustCompile(`(?m)(?:^|[\s;])([a-z_]+)=([^\s;()'"]+)`)
	loop       = regexp.MustCompile(`(?s)for program in ([a-z ]+); do(.*?)\n\t*done`)
	reading    = regexp.MustCompile(`"\$(HOST_DIR|BUNDLE)"?/([A-Za-z0-9_.*/$-]+)`)
	serving    = regexp.MustCompile(`(?m)^serve (\S+) (\S+) (.*)$`)
)

func parseStep(text string) step {
	// Comments may name anything.
	text = regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(text, "")
	text = loop.ReplaceAllStringFunc(text, func(whole string) string {
		m := loop.FindStringSubmatch(whole)
		var all []string
		for _, program := range strings.Fields(m[1]) {
			all = append(all, strings.ReplaceAll(m[2], "$program", program))
		}
		return strings.Join(all, "\n")
	})
	set := map[string]bool{}
	for _, m := range assignment.FindAllStringSubmatch(text, -1) {
		if !set[m[1]] { // the first value stands for all
			set[m[1]] = true
			text = strings.ReplaceAll(text, "$"+m[1]+"/", m[2]+"/")
			text = regexp.MustCompile(`\$`+m[1]+`\b`).ReplaceAllLiteralString(text, m[2])
		}
	}
	return step{text}
}

// files are those that the step reads, as rules names them.
func (s step) files() []string {
	var list []string
	for _, m := range reading.FindAllStringSubmatch(s.text, -1) {
		name := m[2]
		switch {
		case m[1] == "HOST_DIR":
			name = "hosts/*/" + name
		case strings.HasPrefix(name, "files/$HOST_ARCH/"):
			name = "files/*/" + strings.TrimPrefix(name, "files/$HOST_ARCH/")
		case strings.HasPrefix(name, "bin/"):
			name = "bin/*"
		case !strings.HasPrefix(name, "units/"):
			continue // images, manifests, other steps and SHA256SUMS are no single files
		}
		list = append(list, name)
	}
	if strings.Contains(s.text, "put_registry_ca ") {
		list = append(list, "hosts/*/registry-ca.crt")
	}
	list = slices.DeleteFunc(list, func(f string) bool { return f == "hosts/*/patches" })
	slices.Sort(list)
	return slices.Compact(list)
}

// elsewhere are rows whose unit another line than `serve` starts again, each with the
// words that do.
var elsewhere = map[string]string{
	"hosts/*/sshd_config":                     `systemctl try-reload-or-restart`,
	"hosts/*/harbor.yml":                      `serve harbor.service restart "/etc/systemd/system/harbor.service" "harbor:prepared"`,
	"files/*/harbor-offline-installer.tgz":    `is_changed "$HARBOR_DIR/harbor.yml" harbor-offline-installer.tgz`,
	"hosts/*/kube-vip.yaml":                   `/etc/kubernetes/manifests/kube-vip.yaml`,
	"units/docker.socket":                     ``,
	"units/keepalived.service.d/satchel.conf": ``,
}

// check holds the kind of a row against the lines that put the file and serve a unit.
func (s step) check(t *testing.T, r rule) {
	t.Helper()
	if words, ok := elsewhere[r.file]; ok {
		if !strings.Contains(s.text, words) {
			t.Errorf("%s has not %q, which starts %s again after %s", r.step, words, r.what, r.file)
		}
		return
	}
	unit, how := s.served(r.file)
	switch {
	case (how == "restart" || how == "try-restart") && r.kind == Restart, how == "reload-or-restart" && r.kind == Reload:
		if name := strings.TrimSuffix(r.what, ".service"); !strings.HasPrefix(unit, name) {
			t.Errorf("%s: the row of %s says %s, the script %s", r.step, r.file, r.what, unit)
		}
	case how != "":
		t.Errorf("%s: after %s the script does %s of %s, and the row says %s", r.step, r.file, how, unit, r.kind)
	case r.kind == Restart || r.kind == Reload:
		t.Errorf("%s: the row says that %s has %s %s, and no line of the script does", r.step, r.file, r.what, r.kind)
	}
}

// served is the unit that a change of a file restarts or reloads.
func (s step) served(file string) (unit, how string) {
	dest := s.dest(file)
	for _, m := range serving.FindAllStringSubmatch(s.text, -1) {
		for _, arg := range strings.Fields(strings.ReplaceAll(m[3], `"`, "")) {
			if arg == dest {
				return strings.Trim(m[1], `"`), m[2]
			}
		}
	}
	return "", ""
}

// dest is where the file goes, or its name where it is unpacked.
func (s step) dest(file string) string {
	source := strings.NewReplacer("hosts/*/", "$HOST_DIR/", "files/*/", "$BUNDLE/files/$HOST_ARCH/", "bin/*", "$BUNDLE/bin/satchel-$HOST_ARCH").Replace(file)
	if strings.HasPrefix(file, "units/") {
		source = "$BUNDLE/" + file
	}
	for line := range strings.Lines(s.text) {
		fields := strings.Fields(strings.ReplaceAll(line, `"`, ""))
		i := slices.Index(fields, source)
		switch {
		case i < 1 || len(fields) < i+2:
		case fields[i-1] == "unpack":
			return path.Base(file)
		case fields[i-1] == "put" || fields[i-1] == "put_binary":
			return fields[i+1]
		}
	}
	return ""
}
