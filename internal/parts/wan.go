package parts

import (
	"io"
	"net"
	"sync"
)

// wan is the network between the sites of a federation: relays carry what they say to each other. A
// site is known by the host address that it speaks from. One that is cut off stays alive, and its connections stay open, as
// when a link between datacenters fails silently.
type wan struct {
	mu      sync.Mutex
	cut     map[string]bool // hosts that hear and are heard no more
	changed chan struct{}   // closed when cut changes
	closed  chan struct{}

	listeners []io.Closer
	conns     map[net.Conn]bool
	loops     sync.WaitGroup
}

func newWAN() *wan {
	return &wan{cut: map[string]bool{}, changed: make(chan struct{}), closed: make(chan struct{}), conns: map[net.Conn]bool{}}
}

// set cuts a host off, or ends that.
func (w *wan) set(host string, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cut {
		w.cut[host] = true
	} else {
		delete(w.cut, host)
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// passes says whether something gets from one host to another, and returns a channel that is closed
// when that may have changed. An empty host is one that is not known: nothing passes from it while anyone is cut off.
func (w *wan) passes(from, to string) (bool, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.cut[from] && !w.cut[to] && (from != "" || len(w.cut) == 0), w.changed
}

// wait returns true once something gets from one host to another, and false at the end.
func (w *wan) wait(from, to string) bool {
	for {
		passes, changed := w.passes(from, to)
		if passes {
			return true
		}
		select {
		case <-changed:
		case <-w.closed:
			return false
		}
	}
}

// close ends all relays.
func (w *wan) close() {
	close(w.closed)
	w.mu.Lock()
	for _, l := range w.listeners {
		l.Close()
	}
	for c := range w.conns {
		c.Close()
	}
	w.mu.Unlock()
	w.loops.Wait()
}

// keep remembers a connection until it is dropped, and returns false at the end.
func (w *wan) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.closed:
		c.Close()
		return false
	default:
		w.conns[c] = true
		return true
	}
}

func (w *wan) drop(c net.Conn) {
	c.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}
