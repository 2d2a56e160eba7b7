package listen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// street is a listener whose callers can have any address.
type street struct {
	net.Listener // nil: other methods must not be called
	come         chan net.Conn
}

func (s *street) Accept() (net.Conn, error) {
	c, ok := <-s.come
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// caller is the client's end of a connection.
type caller struct {
	net.Conn
	from net.Addr
}

func (c caller) RemoteAddr() net.Addr { return c.from }

// crowd is a bounded listener whose connections read one letter at a time.
type crowd struct {
	t     *testing.T
	to    *street
	mu    sync.Mutex
	heard map[Refusal]int
	asked int // number of 's' that were read
	come  chan net.Conn
}

func newCrowd(t *testing.T, b Bounds) *crowd {
	t.Helper()
	c := &crowd{t: t, to: &street{come: make(chan net.Conn)}, heard: map[Refusal]int{}, come: make(chan net.Conn, 100)}
	l := Bounded(c.to, b, func(why Refusal, _ net.Addr) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.heard[why]++
	})
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { c.serveLine(conn) })
		}
	})
	t.Cleanup(func() { close(c.to.come); serving.Wait() })
	return c
}

// serveLine answers each 'q' at once, and 's' never.
func (c *crowd) serveLine(conn net.Conn) {
	defer conn.Close()
	b := make([]byte, 1)
	for {
		if _, err := conn.Read(b); err != nil {
			return
		}
		if b[0] == 's' {
			c.mu.Lock()
			c.asked++
			c.mu.Unlock()
			continue
		}
		if _, err := conn.Write([]byte("a")); err != nil {
			return
		}
	}
}

// call connects from an address. It uses a real connection.
func (c *crowd) call(from string) net.Conn {
	c.t.Helper()
	pair, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	defer pair.Close()
	own, err := net.Dial("tcp", pair.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { own.Close() })
	other, err := pair.Accept()
	if err != nil {
		c.t.Fatal(err)
	}
	var at net.Addr = &net.UnixAddr{Net: "unix"}
	if from != "unix" {
		at = &net.TCPAddr{IP: net.ParseIP(from), Port: 9}
	}
	c.to.come <- caller{other, at}
	return own
}

// served reports whether a connection is answered.
func served(conn net.Conn) bool {
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("q")); err != nil {
		return false
	}
	_, err := conn.Read(make([]byte, 1))
	return err == nil
}

// closed reports whether the other side closed a connection.
func closed(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err := conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// ask sends a request that gets no answer, and waits until it is read.
func (c *crowd) ask(conn net.Conn) {
	c.t.Helper()
	read := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.asked
	}
	before := read()
	if _, err := io.WriteString(conn, "s"); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, func() bool { return read() > before })
}

func (c *crowd) count(why Refusal) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard[why]
}

// Connections that are only held open keep nobody out: the oldest of the same address is displaced.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	c := newCrowd(t, Bounds{Connections: 10, PerAddress: 10, Near: 2})
	var silent []net.Conn
	for range 8 {
		silent = append(silent, c.call("10.0.0.1"))
	}
	guest := c.call("10.0.0.2")
	if !served(guest) {
		t.Error("a guest was kept out by silent connections")
	}
	if !closed(silent[0]) || c.count(Displaced) != 1 {
		t.Errorf("the oldest one stays, %d displaced", c.count(Displaced))
	}
	if again := c.call("10.0.0.1"); !served(again) || !closed(silent[1]) {
		t.Error("the crowd's own newest is no better than its oldest")
	}
	if !served(guest) {
		t.Error("the guest, who is alone at its address, was sent away for the crowd")
	}
}

// A connection that awaits an answer is not displaced. Then there is no room, except for this
// machine.
func TestWhoAwaitsAnAnswerStaysAndThisMachineHasRoom(t *testing.T) {
	c := newCrowd(t, Bounds{Connections: 10, PerAddress: 4, Near: 2})
	var busy []net.Conn
	for i := range 8 {
		conn := c.call(fmt.Sprintf("10.0.0.%d", 1+i/4))
		c.ask(conn)
		busy = append(busy, conn)
		if !served(c.call("127.0.0.1")) {
			t.Fatalf("loopback is not served beside %d", i+1)
		}
	}
	if !closed(c.call("10.0.0.3")) {
		t.Error("there is room beside those who await answers")
	}
	if c.count(TooMany) == 0 {
		t.Error("nobody heard of it")
	}
	for _, from := range []string{"127.0.0.1", "::1", "unix", "127.0.0.2"} {
		if !served(c.call(from)) {
			t.Errorf("%s is kept out", from)
		}
	}
	busy[0].Close()
	eventually(t, func() bool { return served(c.call("10.0.0.3")) })
}

func TestAnAddressHasItsShareAndNoMore(t *testing.T) {
	c := newCrowd(t, Bounds{Connections: 100, PerAddress: 3, Near: 1})
	for range 3 {
		c.ask(c.call("2001:db8::1"))
	}
	if !closed(c.call("2001:db8::2")) { // the same /64
		t.Error("an address has more than its share")
	}
	if c.count(TooManyOfAddress) == 0 {
		t.Error("nobody heard of it")
	}
	if !served(c.call("2001:db8:0:1::1")) || !served(c.call("10.0.0.1")) {
		t.Error("others are kept out")
	}
}

// A request that never ends, or an answer that is never read, counts as idle after a while.
func TestWhoFallsSilentInTheMiddleGoesToo(t *testing.T) {
	l := &bounded{began: time.Now()}
	v := &visit{within: l}
	v.touch(true)
	now := time.Since(l.began)
	if v.idle(now) || !v.idle(now+answerWithin+time.Second) {
		t.Error("it may await its answer for as long as answerWithin says, and no longer")
	}
	v.touch(false)
	if !v.idle(now) {
		t.Error("it has its answer")
	}
}

// Every connection that was counted is removed again.
func TestNothingIsLeftOfThoseThatAreGone(t *testing.T) {
	l := Bounded(&street{}, Bounds{Connections: 4, PerAddress: 2, Near: 1}, func(Refusal, net.Addr) {}).(*bounded)
	a, b := net.Pipe()
	defer b.Close()
	for i := range 100 {
		v, _, refused := l.enter(caller{a, &net.TCPAddr{IP: net.IPv4(10, 0, byte(i), 1)}})
		if refused != "" {
			t.Fatal(refused)
		}
		if i%2 == 0 {
			v.Close()
			v.Close()
		}
	}
	for v := range l.open {
		v.Close()
	}
	if len(l.of) != 0 || len(l.open) != 0 || l.far != 0 {
		t.Errorf("%v %v %d", l.of, l.open, l.far)
	}
}

// The check of client certificates finds its connection through the bounded listener.
func TestAGuestIsFoundBehindTheBound(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	own, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	c := &Credentials{guests: map[*guest]struct{}{}}
	conn, err := Bounded(guarded{inner, c}, Bounds{Connections: 1, PerAddress: 1}, func(Refusal, net.Addr) {}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.remember(conn, &proof{})
	if len(c.guests) != 1 {
		t.Error("it is not found")
	}
	if conn.Close(); len(c.guests) != 0 {
		t.Error("it is not forgotten")
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("not within 10 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
