package sign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/term"
)

// tries is how often a person is asked, as ssh does.
const tries = 3

var errWrong = errors.New("the passphrase is wrong")

// FromFile takes the passphrase from the first line of a file.
func FromFile(file string) Ask {
	return func(_ context.Context, _ string, try int) ([]byte, error) {
		if try > 1 {
			return nil, fmt.Errorf("%w: it is from %q", errWrong, file)
		}
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("reading the passphrase: %w", err)
		}
		defer f.Close()
		if err := checkPrivate(f); err != nil {
			return nil, fmt.Errorf("reading the passphrase from %q: %w", file, err)
		}
		data, err := io.ReadAll(io.LimitReader(f, maxKey))
		if err != nil {
			return nil, fmt.Errorf("reading the passphrase: %w", err)
		}
		return firstLine(data), nil
	}
}

func firstLine(data []byte) []byte {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// FromPerson asks at the terminal, or with the program that SSH_ASKPASS names:
// where there is no terminal, or SSH_ASKPASS_REQUIRE is "prefer" or "force", as
// ssh(1) has it.
func FromPerson() Ask {
	return func(ctx context.Context, path string, try int) ([]byte, error) {
		if try > tries {
			return nil, errWrong
		}
		prompt := fmt.Sprintf("Passphrase of %s: ", path)
		if try > 1 {
			prompt = "That was wrong. " + prompt
		}
		program, require := os.Getenv("SSH_ASKPASS"), os.Getenv("SSH_ASKPASS_REQUIRE")
		if program != "" && (require == "prefer" || require == "force") {
			return askProgram(ctx, program, prompt)
		}
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		switch {
		case err == nil:
			defer tty.Close()
			return askTerminal(ctx, tty, prompt)
		case program != "" && require != "never":
			return askProgram(ctx, program, prompt)
		}
		return nil, errors.New("it is encrypted, and there is no terminal to ask for the passphrase: name a file that has it with --passphrase-file, or a program with SSH_ASKPASS")
	}
}

func askProgram(ctx context.Context, program, prompt string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, prompt)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking for the passphrase with SSH_ASKPASS %q: %w", program, err)
	}
	return firstLine(out), nil
}

// askTerminal gives the terminal its echo back when the context ends while it waits.
func askTerminal(ctx context.Context, tty *os.File, prompt string) ([]byte, error) {
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("asking for the passphrase: %w", err)
	}
	if _, err := io.WriteString(tty, prompt); err != nil {
		return nil, fmt.Errorf("asking for the passphrase: %w", err)
	}
	type answer struct {
		passphrase []byte
		err        error
	}
	given := make(chan answer, 1)
	go func() {
		passphrase, err := term.ReadPassword(fd)
		given <- answer{passphrase, err}
	}()
	var a answer
	select {
	case a = <-given:
	case <-ctx.Done():
		a.err = errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
	// The newline that ended the answer was not shown either.
	_, err = io.WriteString(tty, "\n")
	if err = errors.Join(a.err, err); err != nil {
		return nil, fmt.Errorf("asking for the passphrase: %w", err)
	}
	return a.passphrase, nil
}
