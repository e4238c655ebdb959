package sign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo terminal and returns both of its ends.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// silent waits until the terminal does not show what is typed.
func silent(t *testing.T, tty *os.File) {
	t.Helper()
	for range 500 {
		if !echoes(t, tty) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the terminal shows what is typed")
}

type asked struct {
	passphrase []byte
	err        error
}

func ask(ctx context.Context, tty *os.File) chan asked {
	result := make(chan asked, 1)
	go func() {
		passphrase, err := askTerminal(ctx, tty, "Passphrase: ")
		result <- asked{passphrase, err}
	}()
	return result
}

func TestAPassphraseIsNotShown(t *testing.T) {
	master, slave := terminal(t)
	result := ask(t.Context(), slave)
	silent(t, slave)
	if _, err := master.WriteString("correct horse\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-result; string(got.passphrase) != "correct horse" || got.err != nil {
		t.Errorf("got %q, %v", got.passphrase, got.err)
	}
	if !echoes(t, slave) {
		t.Error("the terminal stays silent")
	}
	// A read of a terminal gives what one write put there, so the prompt
	// and the line's end may come apart.
	const want = "Passphrase: \r\n"
	shown := make([]byte, len(want))
	if n, err := io.ReadFull(master, shown); err != nil || string(shown) != want {
		t.Errorf("the terminal shows %q, should show %q; %v", shown[:n], want, err)
	}
}

// TestAnInterruptedQuestionGivesTheTerminalBack is for Ctrl-C at the prompt.
func TestAnInterruptedQuestionGivesTheTerminalBack(t *testing.T) {
	_, slave := terminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	result := ask(ctx, slave)
	silent(t, slave)
	cancel()
	if got := <-result; !errors.Is(got.err, context.Canceled) {
		t.Errorf("got %q, %v", got.passphrase, got.err)
	}
	if !echoes(t, slave) {
		t.Error("the terminal stays silent")
	}
}
