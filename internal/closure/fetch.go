package closure

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// fetches looks at a command that can bring something from elsewhere.
func (r *resolver) fetches(name string, args []*syntax.Word) {
	if len(args) == 0 {
		return
	}
	words := operands(args)
	switch name {
	case "curl", "wget":
		r.downloads(args)
	case "apt", "apt-get", "aptitude", "dnf", "yum", "zypper":
		if verb := verbIn(words, installing...); verb != "" && !keepsLocal(args) {
			r.outside(args, name+" "+verb+" asks the repositories of the host; give it the bundle's alone, with -o Dir::Etc::SourceList=… or --disablerepo=*")
		}
	case "pip", "pip3":
		if verb := verbIn(words, "install", "download"); verb != "" && !hasOption(args, "--no-index") {
			r.outside(args, name+" "+verb+" asks the package index; give it --no-index")
		}
	case "git":
		if verb := verbIn(words, "clone", "fetch", "pull", "submodule", "ls-remote"); verb != "" {
			r.outside(args, "git "+verb+" asks another host")
		}
	case "helm":
		if verb := verbIn(words, "dependency", "dep", "pull", "fetch", "repo", "search"); verb != "" {
			r.outside(args, "helm "+verb+" asks a chart repository")
		}
	case "kubeadm":
		r.kubeadm(words, args)
	case "crictl", "docker", "nerdctl", "podman":
		r.pulls(words, "pull")
	case "ctr":
		r.pulls(words, "images", "pull")
		r.pulls(words, "image", "pull")
		r.pulls(words, "i", "pull")
	}
}

// installing are the verbs of package managers that read their repositories.
var installing = []string{
	"build-dep", "builddep", "dist-upgrade", "distro-sync", "download", "full-upgrade", "groupinstall", "in", "install", "localinstall",
	"makecache", "reinstall", "refresh", "source", "update", "upgrade",
}

func (r *resolver) outside(args []*syntax.Word, message string) {
	r.trouble(args[0].Pos(), message)
}

// operands are the words that are no options.
func operands(args []*syntax.Word) []*syntax.Word {
	return slices.DeleteFunc(slices.Clone(args), func(w *syntax.Word) bool { return strings.HasPrefix(plain(w), "-") })
}

// verbIn is the first of the words that is one of some verbs; before it may stand the
// values of options.
func verbIn(words []*syntax.Word, verbs ...string) string {
	for _, w := range words {
		if slices.Contains(verbs, w.Lit()) {
			return w.Lit()
		}
	}
	return ""
}

// plain is the text of a word as far as it is written out.
func plain(w *syntax.Word) string {
	text, _ := source(w)
	return text
}

func hasOption(args []*syntax.Word, options ...string) bool {
	return slices.ContainsFunc(args, func(w *syntax.Word) bool {
		text := plain(w)
		return slices.ContainsFunc(options, func(o string) bool { return text == o || strings.HasPrefix(text, o+"=") })
	})
}

// keepsLocal tells a package manager that is told to read no repository of the host.
func keepsLocal(args []*syntax.Word) bool {
	for _, w := range args {
		text := strings.ToLower(plain(w))
		if strings.Contains(text, "dir::etc::source") || text == "--no-download" || text == "--cacheonly" ||
			text == "--disablerepo=*" || text == "--no-remote" {
			return true
		}
	}
	return slices.ContainsFunc(args, func(w *syntax.Word) bool { return plain(w) == "--disablerepo" })
}

// withValue are options of curl and wget whose next word is their value.
var withValue = set(`-A -b -c -C -d -E -e -F -H -K -m -o -O -P -T -t -u -U -w -x -X --cacert --cert --config --connect-timeout --data
	--data-binary --form --header --key --max-time --output --proxy --request --resolve --retry --retry-delay --upload-file --url
	--user --user-agent --write-out --output-document --directory-prefix --timeout --tries`)

// hostLike is a host without a scheme, which these programs take too.
var hostLike = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/.*)?$`)

// downloads notes the hosts that curl and wget ask without a scheme; those with one
// are found in the text of every file.
func (r *resolver) downloads(args []*syntax.Word) {
	for i, w := range args {
		text := plain(w)
		if i > 0 && withValue[plain(args[i-1])] && plain(args[i-1]) != "--url" {
			continue
		}
		if hostLike.MatchString(text) {
			host, _, _ := strings.Cut(text, "/")
			host, _, _ = strings.Cut(host, ":")
			r.add(use{place: r.at(w.Pos()), kind: address, value: value{text: host}})
		}
	}
}

// kubeadm asks the internet for the newest release where no configuration names one.
func (r *resolver) kubeadm(words, args []*syntax.Word) {
	var verbs []string
	for _, w := range words {
		verbs = append(verbs, w.Lit())
	}
	if hasOption(args, "--config", "--kubernetes-version") {
		return
	}
	line := strings.Join(verbs, " ")
	for _, asks := range []string{"init", "config images list", "config images pull"} {
		if (line == asks || strings.HasPrefix(line, asks+" ")) && !strings.HasPrefix(line, "init phase") {
			r.outside(args, "kubeadm "+asks+" asks the internet for the newest release; give it --config")
		}
	}
	if line == "upgrade plan" {
		r.outside(args, "kubeadm upgrade plan asks the internet for the newest release; name one")
	}
}

// pulls notes the images that a runtime's client is told to pull.
func (r *resolver) pulls(words []*syntax.Word, verbs ...string) {
	at := slices.IndexFunc(words, func(w *syntax.Word) bool { return w.Lit() == verbs[0] })
	if at < 0 || len(words) <= at+len(verbs) {
		return
	}
	for i, verb := range verbs {
		if words[at+i].Lit() != verb {
			return
		}
	}
	last := words[len(words)-1]
	list, ok := r.values(last)
	if !ok {
		return
	}
	for _, v := range list {
		r.add(use{place: r.at(last.Pos()), kind: image, value: v})
	}
}

// reachedAddress checks a host that a script talks to.
func (c *check) reachedAddress(m *moment, u *use) {
	if !c.own.has(u.text) && m.reaches(u) {
		c.report(u.place, "", u.text+" is outside of the cluster, which a host without a network cannot reach")
	}
}
