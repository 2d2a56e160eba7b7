package parts

import (
	"errors"
	"net"
	"testing"
)

func TestNoPortIsGivenOutTwice(t *testing.T) {
	seen := make(map[int]bool)
	for range 40 {
		ports, err := FreePorts(7)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range ports {
			if seen[port] || port < lowestPort || port >= highestPort {
				t.Fatalf("port %d: twice, or not from %d to %d", port, lowestPort, highestPort)
			}
			seen[port] = true
		}
	}
}

// Another process cannot get our ports: our blocks are held.
func TestAnotherClaimsOtherBlocks(t *testing.T) {
	ours, theirs := claims{hold: hold}, claims{hold: hold}
	for _, c := range []*claims{&ours, &theirs} {
		for range 2*blockSize - 1 {
			if _, err := c.take(); err != nil {
				t.Fatal(err)
			}
		}
		defer func() {
			for _, l := range c.held {
				l.Close()
			}
		}()
	}
	for _, base := range ours.bases {
		for _, other := range theirs.bases {
			if base == other {
				t.Errorf("both have the block that begins with %d", base)
			}
		}
		if l, err := net.Listen("tcp4", Loopback(base)); err == nil {
			l.Close()
			t.Errorf("nobody holds port %d", base)
		}
	}
}

func TestWhenAllBlocksAreTakenTheOwnOnesBeginAnew(t *testing.T) {
	held := map[int]bool{}
	c := claims{hold: func(port int) (net.Listener, error) {
		if len(held) == 2 || held[port] {
			return nil, errors.New("somebody has it")
		}
		held[port] = true
		return nil, nil
	}}
	var first int
	for i := range 2*(blockSize-1) + 1 {
		port, err := c.take()
		switch {
		case err != nil:
			t.Fatal(err)
		case i == 0:
			first = port
		case i < 2*(blockSize-1) && port == first:
			t.Fatalf("port %d is given out again after %d others", port, i)
		case i == 2*(blockSize-1) && port != first:
			t.Errorf("after all others port %d, want the first one again, %d", port, first)
		}
	}
}
