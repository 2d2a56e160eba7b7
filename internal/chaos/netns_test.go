package chaos_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// island is a network namespace with a link of its own to this machine. When the link is down,
// packets are lost silently, as when a machine loses its power.
type island struct {
	name string // of the namespace, and of the link's end here
	addr string // of the end there
}

func (s *scene) newIsland(t testing.TB) *island {
	t.Helper()
	if os.Getuid() != 0 {
		s.notInjected(t, os.ErrPermission)
	}
	i := &island{name: fmt.Sprintf("lg%d", os.Getpid()), addr: "169.254.231.2"}
	far := i.name + "far"
	for _, args := range [][]string{
		{"netns", "add", i.name},
		{"link", "add", i.name, "type", "veth", "peer", "name", far, "netns", i.name},
		{"addr", "add", "169.254.231.1/30", "dev", i.name},
		{"link", "set", i.name, "up"},
		{"-n", i.name, "addr", "add", i.addr + "/30", "dev", far},
		{"-n", i.name, "link", "set", far, "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			i.remove()
			s.notInjected(t, fmt.Errorf("ip %v: %w: %s", args, err, out))
		}
	}
	t.Cleanup(i.remove)
	return i
}

// remove removes the namespace with the link.
func (i *island) remove() { _ = exec.Command("ip", "netns", "del", i.name).Run() } // none is fine

// listen listens in the namespace. Accepted connections belong to it, whichever thread uses them.
func (i *island) listen() (l net.Listener, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread stays in the namespace and ends with this goroutine
		var there int
		if there, err = unix.Open("/run/netns/"+i.name, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(there)
		if err = unix.Setns(there, unix.CLONE_NEWNET); err == nil {
			l, err = net.Listen("tcp4", net.JoinHostPort(i.addr, "0"))
		}
	}()
	<-done
	return l, err
}

// link sets the link up or down.
func (i *island) link(t testing.TB, state string) {
	t.Helper()
	out, err := exec.Command("ip", "link", "set", i.name, state).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
