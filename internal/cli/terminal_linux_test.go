package cli

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoterminal is a terminal with so many columns (man 4 pts).
func pseudoterminal(t *testing.T, columns uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this machine has no pseudoterminals: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return slave
}

func TestColoursAndWidthAreOfATerminal(t *testing.T) {
	pty := pseudoterminal(t, 72)
	for _, c := range []struct {
		name, value string
		colour      bool
	}{{"", "", true}, {"NO_COLOR", "1", false}, {"TERM", "dumb", false}, {"TERM", "xterm", true}} {
		p := &program{out: pty, getenv: func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		}}
		if s := p.sheet(); s.width != 72 || s.colour != c.colour {
			t.Errorf("%s=%s: %d columns, colours %v", c.name, c.value, s.width, s.colour)
		}
	}
	p := &program{out: &bytes.Buffer{}, getenv: func(string) string { return "" }}
	if s := p.sheet(); s.width != 0 || s.colour {
		t.Errorf("no terminal has %d columns, colours %v", s.width, s.colour)
	}
}
