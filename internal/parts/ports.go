package parts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are looked for below the range from which systems take the ports of outgoing
// connections (32768 on Linux, 49152 elsewhere), so that a program that was stopped finds its
// ports free when it is started again. They are given out in blocks: the first port of a block is
// held by the process that the block belongs to.
const (
	lowestPort  = 15000
	highestPort = 32000
	blockSize   = 100
)

// FreePorts returns n different ports of the loopback address that are free now for TCP and
// UDP. Between that and their use, nobody else who asks here gets them, neither in this process
// nor in another one: not before this process has been given all the others.
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

// own are this process's blocks. A port is the machine's: whoever asks, there is one of it.
var own = struct {
	sync.Mutex
	claims
}{claims: claims{hold: hold}}

// claims are blocks of ports that belong to this process for as long as it lives.
type claims struct {
	hold  func(port int) (net.Listener, error)
	held  []net.Listener // on the first port of each block
	bases []int
	block int // of bases, from which ports are given out now
	next  int // port of it
}

// take gives out the next port of the block, then of a new block, then of the first one again.
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

// claim takes a block that belongs to nobody.
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

// Loopback is the address of the port on 127.0.0.1, as host:port.
func Loopback(port int) string { return joinHostPort("127.0.0.1", port) }

// freePort is one of FreePorts.
func freePort() (int, error) {
	ports, err := FreePorts(1)
	if err != nil {
		return 0, fmt.Errorf("free port: %w", err)
	}
	return ports[0], nil
}
