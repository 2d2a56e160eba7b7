package parts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are below the range from which systems take ports of outgoing connections (32768 on Linux,
// 49152 elsewhere), so that a stopped program finds its ports free when it is started again. They
// are handed out in blocks. The process that owns a block listens on its first port.
const (
	lowestPort  = 15000
	highestPort = 32000
	blockSize   = 100
)

// FreePorts returns n different ports of the loopback address that are free for TCP and UDP. Other
// callers do not get them in the meantime: other processes never, and this process only after it
// has used all its other ports.
func FreePorts(n int) ([]int, error) {
	own.Lock()
	defer own.Unlock()
	ports := make([]int, 0, n)
	for range highestPort - lowestPort {
		if len(ports) == n {
			return ports, nil
		}
		port, err := own.take()
		if err != nil {
			return nil, err
		}
		if portIsFree(port) {
			ports = append(ports, port)
		}
	}
	return nil, errors.New("find free ports on 127.0.0.1: nearly all are in use")
}

// own are this process's blocks. It is global because ports are shared by the whole machine.
var own = struct {
	sync.Mutex
	claims
}{claims: claims{hold: hold}}

// claims are the blocks of ports that belong to this process while it lives.
type claims struct {
	hold  func(port int) (net.Listener, error)
	held  []net.Listener // on the first port of each block
	bases []int
	block int // of bases, from which ports are given out now
	next  int // next port of the block
}

// take hands out the next port of the block, then of a new block, then of the first one again.
func (c *claims) take() (int, error) {
	if len(c.bases) > 0 && c.next < c.bases[c.block]+blockSize {
		c.next++
		return c.next - 1, nil
	}
	if !c.claim() {
		if len(c.bases) == 0 {
			return 0, errors.New("find free ports on 127.0.0.1: other processes hold them all")
		}
		c.block = (c.block + 1) % len(c.bases)
	}
	c.next = c.bases[c.block] + 1
	return c.take()
}

// claim takes a block that nobody owns.
func (c *claims) claim() bool {
	for _, i := range rand.Perm((highestPort - lowestPort) / blockSize) {
		base := lowestPort + i*blockSize
		if l, err := c.hold(base); err == nil {
			c.held, c.bases = append(c.held, l), append(c.bases, base)
			c.block = len(c.bases) - 1
			return true
		}
	}
	return false
}

func hold(port int) (net.Listener, error) { return net.Listen("tcp4", Loopback(port)) }

func portIsFree(port int) bool {
	addr := Loopback(port)
	tcp, err := net.Listen("tcp4", addr)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp4", addr)
	if err != nil {
		return false
	}
	return udp.Close() == nil
}

func joinHostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// Loopback returns 127.0.0.1 with the port, as host:port.
func Loopback(port int) string { return joinHostPort("127.0.0.1", port) }

// freePort returns one of FreePorts.
func freePort() (int, error) {
	ports, err := FreePorts(1)
	if err != nil {
		return 0, fmt.Errorf("free port: %w", err)
	}
	return ports[0], nil
}
