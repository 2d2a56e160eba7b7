package parts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are looked for below the range from which systems take the ports of outgoing
// connections (32768 on Linux, 49152 elsewhere), so that a program that was stopped finds its
// ports free when it is started again.
const (
	lowestPort  = 15000
	highestPort = 32000
)

// FreePorts returns n different ports of the loopback address that are free now for TCP and
// UDP. Another process may take one before it is used; ports are picked at random to make that
// unlikely.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	taken := make(map[int]bool)
	for range 100 * n {
		if len(ports) == n {
			break
		}
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if !taken[port] && portIsFree(port) {
			ports = append(ports, port)
		}
		taken[port] = true
	}
	if len(ports) < n {
		return nil, errors.New("find free ports on 127.0.0.1: nearly all are in use")
	}
	return ports, nil
}

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
