//go:build lab && linux

package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// prompt begins a line of the guide that is typed on a host.
var prompt = regexp.MustCompile(`^\[root@([^ ]+) ~\]# (.*)$`)

// typed is a command of the guide with the output that it promises.
type typed struct{ host, command, output string }

// typedIn reads the commands of a guide's code blocks.
func typedIn(guide string) []typed {
	var all []typed
	inside, after := false, false
	for line := range strings.Lines(guide) {
		line = strings.TrimSuffix(line, "\n")
		switch m := prompt.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "```"):
			inside, after = !inside, false
		case inside && m != nil:
			all, after = append(all, typed{host: m[1], command: m[2]}), true
		case after:
			all[len(all)-1].output += line + "\n"
		}
	}
	return all
}

// promised is a pattern for an output of the guide: columns may be as wide as they like,
// and … stands for anything.
func promised(output string) *regexp.Regexp {
	pattern := ""
	for i, part := range strings.Split(strings.Join(strings.Fields(output), " "), "…") {
		if i > 0 {
			pattern += ".*"
		}
		pattern += regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("^" + pattern + "$")
}

// changes are commands that answer as they should only once.
var changes = regexp.MustCompile(`kubectl .*(create|delete|scale|set|undo|apply) `)

// waiting is what kubectl says before its answer when it is asked too early.
var waiting = regexp.MustCompile("(?m)^Waiting for .*\n")

// testGuideCommands types what the guide says on the hosts where it says so.
func (c *cluster) testGuideCommands(t *testing.T) {
	count := 0
	for _, cmd := range typedIn(on(t, c.first(), "cat /opt/bundle/guide/README.md")) {
		m := c.hosts[cmd.host]
		if m == nil {
			t.Errorf("the guide has a prompt of %s, which is no host", cmd.host)
			continue
		}
		count++
		want := promised(cmd.output)
		got := ""
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Second) {
			out, said, err := m.Exec(t.Context(), nil, "bash", "-c", "cd /opt/bundle && export HOME=/root && "+cmd.command)
			if got = out; err != nil {
				got += said + err.Error()
			}
			got = waiting.ReplaceAllString(got, "")
			if cmd.output == "" && err == nil || cmd.output != "" && want.MatchString(strings.Join(strings.Fields(got), " ")) {
				break
			}
			if changes.MatchString(cmd.command) || time.Now().After(end) {
				t.Errorf("on %s\n%s\nanswers\n%s\nand the guide says\n%s", cmd.host, cmd.command, got, cmd.output)
				break
			}
		}
	}
	if count < 20 {
		t.Errorf("the guide has only %d commands", count)
	}
	c.waitReady(t, time.Minute)
}
