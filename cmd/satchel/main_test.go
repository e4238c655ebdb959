package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/satchel-kit/satchel/internal/plan"
	"github.com/satchel-kit/satchel/internal/spec"
	"github.com/satchel-kit/satchel/internal/standin"
)

func TestMain(m *testing.M) {
	testscript.Main(withPrograms{m}, map[string]func(){"satchel": main})
}

func TestScripts(t *testing.T) {
	bundles, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script",
		// make golden rewrites the expected output in the scripts.
		UpdateScripts:       os.Getenv("SATCHEL_GOLDEN") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SATCHEL_CACHE", env.WorkDir+"/.cache")
			env.Setenv("HOME", env.WorkDir)
			root := strings.TrimSuffix(bundles, "/cmd/satchel")
			env.Setenv("BUNDLES", root+"/bundles")
			env.Setenv("SPECS", root+"/testdata/specs")
			env.Setenv("BASE", root+"/testdata/diff/base")
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"upstream": upstreamCmd,
			"flip":     flipCmd,
			"find":     findCmd,
			"freeport": freeportCmd,
			"get":      getCmd,
			"sshkey":   sshKeyCmd,
			"debian":   debianCmd,
			"rpms":     rpmsCmd,
		},
	})
}

// condition is what scripts can ask for: [tool:NAME] is a program that others wrote, and
// [namespaces] what a host of its own takes, and [root] what it takes where other users are
// needed. Where SATCHEL_TOOLS is "required" a script
// fails that would be left out for want of them; [exec:NAME] of testscript does not.
func condition(name string) (bool, error) {
	var err error
	if program, ok := strings.CutPrefix(name, "tool:"); ok {
		_, err = exec.LookPath(program)
	} else if name == "namespaces" {
		err = exec.Command("unshare", "--mount", "--map-root-user", "true").Run()
	} else if name == "root" {
		err = exec.Command("unshare", "--mount", "true").Run()
	} else {
		return false, fmt.Errorf("there is no condition %q", name)
	}
	if err != nil && os.Getenv("SATCHEL_TOOLS") == "required" {
		return false, fmt.Errorf("SATCHEL_TOOLS is \"required\", and %s is not there: %w", name, err)
	}
	return err == nil, nil
}

// upstreamCmd is `upstream DIR`: it serves stand-ins of what the spec in DIR needs,
// and writes DIR/sources.cue, which points there.
func upstreamCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: upstream DIR")
	}
	s, err := spec.Load(ts.MkAbs(args[0]))
	ts.Check(err)
	p := plan.New(s)
	world, err := standin.Serve(context.Background(), p.Images, p.Files)
	ts.Check(err)
	ts.Defer(func() { world.Close() })
	var b strings.Builder
	fmt.Fprintf(&b, "package cluster\n\nsources: {\n")
	for _, source := range world.Sources() {
		fmt.Fprintf(&b, "\t%q: %q\n", source.Prefix, source.Mirror)
	}
	fmt.Fprintf(&b, "}\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0])+"/sources.cue", []byte(b.String()), 0o644))
}

// findCmd is `find DIR`: it sets FOUND to the largest file in a directory.
func findCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: find DIR")
	}
	files, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var most int64
	for _, f := range files {
		info, err := f.Info()
		ts.Check(err)
		if info.Size() > most {
			most = info.Size()
			ts.Setenv("FOUND", args[0]+"/"+f.Name())
		}
	}
}

// flipCmd is `flip FILE OFFSET`: it changes one bit of a file.
func flipCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	var offset int64
	_, err := fmt.Sscan(args[1], &offset)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, offset)
	ts.Check(err)
	b[0] ^= 1
	_, err = f.WriteAt(b, offset)
	ts.Check(err)
}
