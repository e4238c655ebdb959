package render_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"mvdan.cc/sh/v3/syntax"
)

// speakers are the functions that take a text in English and what goes into it.
var speakers = map[string]bool{"ok": true, "wrong": true, "skip": true, "say": true, "die": true, "tell": true, "wrong_usage": true}

// spoken are the texts of the checks and lessons, each with the number of its arguments.
func spoken(t *testing.T) map[string]int {
	t.Helper()
	texts := map[string]int{}
	var files []string
	for _, pattern := range []string{"check.sh", "lesson.sh", "checks/*.sh", "lessons/*.sh"} {
		found, err := filepath.Glob("../../templates/" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		script, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(f, file)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		syntax.Walk(script, func(n syntax.Node) bool {
			call, ok := n.(*syntax.CallExpr)
			if !ok || len(call.Args) < 2 || !speakers[call.Args[0].Lit()] {
				return true
			}
			text, fixed := fixedText(call.Args[1])
			switch count, seen := texts[text]; {
			case !fixed:
				if whole := printed(call.Args[1]); whole != `"$@"` {
					t.Errorf("%s:%s: %s is no fixed text that could be looked up", file, call.Pos(), whole)
				}
			case strings.Count(text, "%s") != len(call.Args)-2:
				t.Errorf("%s:%s: %q has %d arguments", file, call.Pos(), text, len(call.Args)-2)
			case seen && count != len(call.Args)-2:
				t.Errorf("%s:%s: %q has %d arguments here and %d elsewhere", file, call.Pos(), text, len(call.Args)-2, count)
			default:
				texts[text] = len(call.Args) - 2
			}
			return true
		})
	}
	return texts
}

// fixedText is a word without anything that bash replaces.
func fixedText(w *syntax.Word) (string, bool) {
	if len(w.Parts) != 1 {
		return "", false
	}
	switch p := w.Parts[0].(type) {
	case *syntax.SglQuoted:
		return p.Value, !p.Dollar
	case *syntax.Lit:
		return p.Value, true
	}
	return "", false
}

func printed(w *syntax.Word) string {
	var b strings.Builder
	syntax.NewPrinter().Print(&b, w)
	return b.String()
}

// chinese is the table as bash reads it.
func chinese(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("bash", "-c", `declare -A SAYS=(); . ../../templates/checks/zh.sh; for key in "${!SAYS[@]}"; do printf '%s\0%s\0' "$key" "${SAYS[$key]}"; done`).Output()
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	table := map[string]string{}
	for i := 0; i+1 < len(fields); i += 2 {
		table[fields[i]] = fields[i+1]
	}
	return table
}

func han(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// Every text is there in Chinese, with the same places for what goes into it and the same
// commands, and no text is there that nobody says.
func TestMessagesAreThereInBothLanguages(t *testing.T) {
	texts, table := spoken(t), chinese(t)
	if len(texts) < 100 {
		t.Fatalf("only %d texts were found", len(texts))
	}
	command := regexp.MustCompile(`\./[a-z]+\.sh|--[a-z]+|kubectl(?: -n %s)? [a-z]+|systemctl [a-z]+|/etc/[a-z/.]+`)
	for text, count := range texts {
		own, ok := table[text]
		switch {
		case !ok:
			t.Errorf("checks/zh.sh lacks %q", text)
		case strings.Count(own, "%s") != count:
			t.Errorf("%q has %d arguments, and %q has places for %d", text, count, own, strings.Count(own, "%s"))
		case !han(own):
			t.Errorf("%q is %q in Chinese", text, own)
		}
		for _, c := range command.FindAllString(text, -1) {
			if !strings.Contains(own, c) {
				t.Errorf("%q does not name %q, as %q does", own, c, text)
			}
		}
	}
	for text := range table {
		if _, ok := texts[text]; !ok && !strings.HasSuffix(text, ".sh") {
			t.Errorf("nobody says %q", text)
		}
	}
	option := regexp.MustCompile(`--[a-z]+|\b(?:list|start|check|reset|[A-Z]+_[A-Z]+)\b`)
	for _, script := range []string{"check.sh", "lesson.sh"} {
		text, err := os.ReadFile("../../templates/" + script)
		if err != nil {
			t.Fatal(err)
		}
		_, usage, _ := strings.Cut(string(text), "<<'USAGE'\n")
		usage, _, _ = strings.Cut(usage, "\nUSAGE\n")
		for _, o := range option.FindAllString(usage, -1) {
			if !strings.Contains(table[script], o) {
				t.Errorf("the usage of %s in Chinese lacks %s", script, o)
			}
		}
	}
}

// In a classroom with a Chinese guide the scripts speak Chinese, unless asked not to.
func TestScriptsSpeakTheGuidesLanguage(t *testing.T) {
	dir := seatTree(t)
	run := func(language, command string) string {
		t.Helper()
		cmd := exec.Command("bash", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "SATCHEL_LANGUAGE="+language, "LC_ALL=C")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	for _, command := range []string{
		"./check.sh --host node1 names", "./check.sh --host node1 nodes", "./check.sh --help", "./check.sh 9.9",
		"./lesson.sh list", "./lesson.sh --help", "./lesson.sh --host node1 start selector", "./check.sh --host nobody",
	} {
		for line := range strings.Lines(run("", command)) {
			if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "---") && !han(line) && strings.ContainsFunc(line, unicode.IsLetter) {
				t.Errorf("%s says %q", command, line)
			}
		}
		if out := run("en", command); han(out) || out == "" {
			t.Errorf("%s in English says %q", command, out)
		}
	}
	if out := run("", "./check.sh --host node1 nodes"); out != "--- nodes\nskip 请在 master 上执行\n" {
		t.Errorf("got %q", out)
	}
	if out := run("en", "./lesson.sh list"); !strings.Contains(out, "kubelet-stopped  1.1.6  on node1 or node2\n") {
		t.Errorf("got %q", out)
	}
}

// What host.env and guide/facts.env both define is the same: the checks read both.
func TestFactsOfTheGuideAreNotThoseOfTheHost(t *testing.T) {
	assigned := regexp.MustCompile(`(?m)^([A-Z_0-9]+)=(.*)$`)
	facts, err := filepath.Glob("../../bundles/*/tree/guide/facts.env")
	if err != nil || len(facts) == 0 {
		t.Fatal(facts, err)
	}
	seats, err := filepath.Glob("../../bundles/*/tree/seats/01/guide/facts.env")
	if err != nil || len(seats) == 0 {
		t.Fatal(seats, err)
	}
	read := func(file string) map[string]string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, m := range assigned.FindAllStringSubmatch(string(text), -1) {
			values[m[1]] = m[2]
		}
		return values
	}
	for _, file := range append(facts, seats...) {
		own := read(file)
		hosts, err := filepath.Glob(filepath.Join(filepath.Dir(file), "../hosts/*/host.env"))
		if err != nil || len(hosts) == 0 {
			t.Fatal(hosts, err)
		}
		for _, host := range hosts {
			for name, value := range read(host) {
				if other, ok := own[name]; ok && other != value {
					t.Errorf("%s has %s=%s, and %s has %s", host, name, value, file, other)
				}
			}
		}
	}
}

// A grep -q that has found something ends, and what still writes to it fails: with
// pipefail the whole says that nothing was found. No script asks like that.
func TestNoScriptPipesIntoAQuietGrep(t *testing.T) {
	looked := 0
	err := filepath.WalkDir("../../templates", func(file string, entry os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".sh") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		looked++
		script, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(string(text)), file)
		if err != nil {
			return err
		}
		syntax.Walk(script, func(n syntax.Node) bool {
			pipe, ok := n.(*syntax.BinaryCmd)
			if !ok || pipe.Op != syntax.Pipe {
				return true
			}
			if call, ok := pipe.Y.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 1 && call.Args[0].Lit() == "grep" {
				for _, arg := range call.Args[1:] {
					if flags := arg.Lit(); len(flags) > 1 && flags[0] == '-' && flags[1] != '-' && strings.Contains(flags, "q") {
						t.Errorf("%s:%s pipes into grep %s", file, call.Pos(), flags)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil || looked < 60 {
		t.Fatal(looked, err)
	}
}
