package chaos_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// networkFaults happen between Legate and Consul.
func networkFaults() []fault {
	toxic := func(name, kind, attributes, how string, short bool, lasts time.Duration) fault {
		return fault{name: name, how: "toxiproxy: " + how, short: short, do: func(t *testing.T, s *scene) {
			s.wire.poison(t, kind, false, attributes)
			hold(lasts)
			s.wire.cure()
		}}
	}
	return []fault{
		{name: "connections cut, address refuses", how: "toxiproxy: disabled for 10 s", short: true, do: func(t *testing.T, s *scene) {
			s.wire.cut(t)
			hold(10 * time.Second)
			s.wire.mend(t)
		}},
		toxic("latency 2 s", "latency", `"latency":2000`, "2 s on each piece of each answer for 20 s", false, 20*time.Second),
		toxic("jitter", "latency", `"latency":500,"jitter":500`, "0 to 1 s on each piece of each answer for 15 s", false, 15*time.Second),
		toxic("1 kB/s", "bandwidth", `"rate":1`, "1 kB/s for 25 s", false, 25*time.Second),
		toxic("answers in pieces", "slicer", `"average_size":40,"size_variation":30,"delay":2000`, "pieces of 10 to 70 bytes, 2 ms between, for 15 s", false, 15*time.Second),
		toxic("half-open (drop without RST)", "timeout", `"timeout":0`, "nothing of what Consul says arrives, for 20 s", true, 20*time.Second),
		toxic("cut mid-body", "limit_data", `"bytes":700`, "each connection ends after 700 bytes of answers, for 15 s", false, 15*time.Second),
		{name: "reset mid-body", how: "toxiproxy: each connection is reset (RST) 30 ms after its first byte of an answer, for 15 s", short: true, do: func(t *testing.T, s *scene) {
			s.wire.poison(t, "reset_peer", false, `"timeout":30`)
			hold(15 * time.Second)
			s.wire.cure()
		}},
		{name: "Consul's machine loses power and is back at once", how: "Consul behind a link of its own: the link goes down, connections end unheard, the link is up again: half-open connections, new ones work; 30 s", restarts: true,
			before: func(t *testing.T, s *scene) {
				s.island = s.newIsland(t)
				l, err := s.island.listen()
				must(t, err)
				s.deaf = newSilencer(t, l, s.consul.Addr)
				s.wireTo(t, l.Addr().String())
			},
			after: withoutSilencer,
			do: func(t *testing.T, s *scene) {
				s.island.link(t, "down")
				s.deaf.drop()
				hold(time.Second)
				s.island.link(t, "up")
				hold(29 * time.Second)
			}},
		{name: "a proxy forgets connections", how: "a proxy in between acknowledges on old connections and passes nothing on, new ones work; 30 s", restarts: true,
			before: func(t *testing.T, s *scene) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				must(t, err)
				s.deaf = newSilencer(t, l, s.consul.Addr)
				s.wireTo(t, l.Addr().String())
			},
			after: withoutSilencer,
			do: func(t *testing.T, s *scene) {
				s.deaf.deafen()
				hold(30 * time.Second)
			}},
		{name: "DNS of the agent changes", how: "Legate in a mount namespace with an /etc/hosts of its own; the name's address moves from 127.0.0.2 to 127.0.0.3, the old one refuses", restarts: true, before: withName, after: withoutName, do: func(t *testing.T, s *scene) {
			hosts(t, s, "127.0.0.3")
			third := newWire(t, "127.0.0.3:"+portOf(t, s.named.addr()), s.consul.Addr)
			s.named.cut(t)
			s.named = third
			hold(8 * time.Second) // the resolver reads the file every 5 s
		}},
	}
}

// silencer is a proxy to Consul that can silence existing connections without closing them.
type silencer struct {
	listener net.Listener
	mu       sync.Mutex
	silent   chan struct{} // closed: connections that exist then are silent
	open     []net.Conn
	loops    sync.WaitGroup
}

func newSilencer(t testing.TB, l net.Listener, upstream string) *silencer {
	t.Helper()
	d := &silencer{listener: l, silent: make(chan struct{})}
	d.loops.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", upstream)
			if err != nil {
				in.Close()
				continue
			}
			d.mu.Lock()
			silent := d.silent
			d.open = append(d.open, in, out)
			d.mu.Unlock()
			d.loops.Go(func() { pass(in, out, silent) })
			d.loops.Go(func() { pass(out, in, silent) })
		}
	})
	return d
}

// pass copies until the end, and closes the other side unless it was silenced.
func pass(from, to net.Conn, silent <-chan struct{}) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-silent:
			if err != nil {
				return
			}
			continue
		default:
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				from.Close()
				return
			}
		}
		if err != nil {
			to.Close()
			from.Close()
			return
		}
	}
}

func (d *silencer) deafen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.silent)
	d.silent = make(chan struct{})
}

// drop resets all connections at once.
func (d *silencer) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.open {
		_ = c.(*net.TCPConn).SetLinger(0) // it may already be closed
		c.Close()
	}
	d.open = nil
}

func (d *silencer) close() {
	d.listener.Close()
	d.drop()
	d.loops.Wait()
}

func withoutSilencer(t *testing.T, s *scene) {
	s.deaf.close()
	s.relaunch(t, s.legate.Path, s.plainArgs)
}

// wireTo restarts Legate with another address of Consul.
func (s *scene) wireTo(t testing.TB, addr string) {
	s.plainArgs = slices.Clone(s.legate.Args)
	args := slices.Clone(s.legate.Args)
	args[slices.Index(args, "--consul-addr")+1] = addr
	s.relaunch(t, s.legate.Path, args)
}

// relaunch restarts Legate as another command.
func (s *scene) relaunch(t testing.TB, path string, args []string) {
	t.Helper()
	must(t, s.legate.Stop(35*time.Second))
	s.legate.Path, s.legate.Args = path, args
	must(t, s.legate.Launch())
	must(t, s.legate.AwaitReady(t.Context(), time.Minute))
	hold(3 * time.Second) // Envoys reconnect, and Legate becomes idle
}

const agentName = "agent.chaos.test"

func hosts(t testing.TB, s *scene, addr string) {
	t.Helper()
	must(t, os.WriteFile(s.hosts, fmt.Appendf(nil, "127.0.0.1 localhost\n%s %s\n", addr, agentName), 0o644))
}

// withName makes Legate use the agent by a name that only Legate can resolve.
func withName(t *testing.T, s *scene) {
	if os.Getuid() != 0 {
		s.notInjected(t, os.ErrPermission)
	}
	s.hosts = filepath.Join(t.TempDir(), "hosts")
	hosts(t, s, "127.0.0.2")
	s.named = newWire(t, fmt.Sprintf("127.0.0.2:%d", freePort(t)), s.consul.Addr)
	s.plainArgs, s.plainPath = slices.Clone(s.legate.Args), s.legate.Path
	args := slices.Clone(s.legate.Args)
	args[slices.Index(args, "--consul-addr")+1] = agentName + ":" + portOf(t, s.named.addr())
	script := fmt.Sprintf("mount --bind %s /etc/hosts && exec %s %s", s.hosts, s.legate.Path, strings.Join(args, " "))
	s.relaunch(t, "unshare", []string{"--mount", "sh", "-c", script})
}

func withoutName(t *testing.T, s *scene) {
	if s.plainPath != "" {
		s.relaunch(t, s.plainPath, s.plainArgs)
	}
}
