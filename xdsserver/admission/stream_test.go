package admission

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestMoreStreamsThanAllowedAreRefusedAndAPlaceThatIsFreeIsGivenAway(t *testing.T) {
	for _, c := range []struct {
		limit string
		set   func(*Limits)
		nodes []string // the third is one too many
		from  string   // whence it may come all the same; empty: from nowhere
	}{
		{LimitStreams, func(l *Limits) { l.Streams = 2 }, []string{"a", "b", "c"}, ""},
		{LimitStreamsPerAddress, func(l *Limits) { l.StreamsPerAddress = 2 }, []string{"a", "b", "c"}, "10.0.0.2"},
		{LimitStreamsPerNode, func(l *Limits) { l.StreamsPerNode = 2 }, []string{"a", "a", "a"}, "10.0.0.2"},
		{LimitMemory, func(l *Limits) { l.MemoryBytes = 2*(ConnectionBytes+2*StreamBytes) + ConnectionBytes }, []string{"a", "b", "c"}, ""},
	} {
		t.Run(c.limit, func(t *testing.T) {
			w := newWorld(t, c.set)
			conn := w.connects("10.0.0.1")
			admit := func(conn *connection, node string) (*Stream, error) {
				s := w.stream(t.Context(), conn)
				err := s.Admit(t.Context())
				if err == nil {
					if err = s.AdmitNode(node); err != nil {
						s.Release()
					}
				}
				return s, s.End(t.Context(), err)
			}
			var open []*Stream
			for _, node := range c.nodes[:2] {
				s, err := admit(conn, node)
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, s)
			}
			_, err := admit(conn, c.nodes[2])
			if w.meets(err, c.limit); w.met(c.limit) != 1 {
				t.Errorf("counted %d times", w.met(c.limit))
			}
			if c.from != "" {
				s, err := admit(w.connects(c.from), c.nodes[2])
				if err != nil {
					t.Errorf("from another address: %v", err)
				}
				s.Release()
			}
			open[0].Release()
			open[0].Release() // which does nothing
			if open[0], err = admit(conn, c.nodes[2]); err != nil {
				t.Errorf("the place is not given away: %v", err)
			}
			for _, s := range open {
				s.Release()
			}
			if u := w.Usage(); u.Streams != 0 || u.Nodes != 0 {
				t.Errorf("left: %+v", u)
			}
		})
	}
}

// A node's streams are those of one identity: its certificate's name, or else its address. An id can be chosen.
func TestANodeIdOfAnotherIdentityIsAnotherNode(t *testing.T) {
	w := newWorld(t, func(l *Limits) { l.StreamsPerNode = 1 })
	conn := w.connects("10.0.0.1")
	for _, identity := range []string{"spiffe://a", "spiffe://b", ""} {
		s := w.stream(t.Context(), conn)
		s.peer.Identity = identity
		if err := errors.Join(s.Admit(t.Context()), s.AdmitNode("edge")); err != nil {
			t.Errorf("%q: %v", identity, err)
		}
	}
	if n := w.Usage().Nodes; n != 3 {
		t.Errorf("%d nodes", n)
	}
}

// What ends a stream may come before the stream names its node.
func TestANodeIsNotCountedForAStreamThatHasEnded(t *testing.T) {
	w := newWorld(t)
	s := w.stream(t.Context(), w.connects("10.0.0.1"))
	if err := s.Admit(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Release()
	if err := s.AdmitNode("late"); err != nil || w.Usage().Nodes != 0 {
		t.Errorf("%v, %+v", err, w.Usage())
	}
}

func TestNewStreamsBeyondTheRateWaitAndThenAreToldWhenToComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.NewStreams, l.NewStreamsBurst, l.NewStreamWait = 20, 2, 150*time.Millisecond })
		conn := w.connects("10.0.0.1")
		start := time.Now()
		admit := func(ctx context.Context) error { return w.stream(ctx, conn).Admit(ctx) }
		for i := range 2 { // an address has half: one at once, then ten a second
			if err := admit(t.Context()); err != nil || time.Since(start) != time.Duration(i)*100*time.Millisecond {
				t.Errorf("stream %d is admitted after %v: %v", i, time.Since(start), err)
			}
		}
		waits := make(chan error, 1)
		hasty, leave := context.WithCancel(t.Context())
		go func() { waits <- admit(hasty) }()
		synctest.Wait()
		if held := w.budget.Memory().Kinds[HeldRequests].Bytes; held != StreamWindow {
			t.Errorf("%d bytes are held for the window of the one that waits", held)
		}
		err := admit(t.Context())
		w.meets(err, LimitNewStreams)
		if e := new(Error); !errors.As(err, &e) || e.Retry != 200*time.Millisecond {
			t.Errorf("it is to come again: %+v", err)
		}
		leave() // which has used the token
		if err := <-waits; err == nil || w.Usage().Streams != 2 {
			t.Errorf("who left while it waited: %v, %+v", err, w.Usage())
		}
		for range 10 { // which use none
			w.meets(admit(t.Context()), LimitNewStreams)
		}
		start = time.Now()
		if err := w.stream(t.Context(), w.connects("10.0.0.2")).Admit(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("another address: after %v, %v", time.Since(start), err)
		}
		time.Sleep(200 * time.Millisecond)
		start = time.Now()
		if err := admit(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("later: after %v, %v", time.Since(start), err)
		}
		u := w.Usage()
		if held := w.budget.Held("connections"); u.Streams != 4 || held != int64(u.Connections*ConnectionBytes+u.Streams*StreamBytes) {
			t.Errorf("%+v, %d bytes are held", u, held)
		}
	})
}

func TestWhatWaitsEndsWithLegate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.NewStreams, l.NewStreamsBurst, l.Fetches = 1, 1, 1 })
		stopping := make(chan struct{})
		w.stopping = stopping
		conn := w.connects("10.0.0.1")
		if err := errors.Join(w.stream(t.Context(), conn).Admit(t.Context()), w.AdmitFetch(t.Context())); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 2)
		go func() { ended <- w.stream(t.Context(), conn).Admit(t.Context()) }()
		go func() { ended <- w.AdmitFetch(t.Context()) }()
		synctest.Wait()
		close(stopping)
		for range 2 {
			if err := <-ended; !errors.Is(err, ErrStopping) {
				t.Error(err)
			}
		}
		if u := w.Usage(); u.Streams != 1 {
			t.Errorf("%+v", u)
		}
	})
}

func TestHealthChecksHaveARateOfTheirOwnForEachAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.Probes, l.Streams = 2, 1 })
		conn := w.connects("10.0.0.1")
		if err := w.stream(t.Context(), conn).Admit(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s := w.stream(t.Context(), conn)
			if err := s.AdmitProbe(); err != nil {
				t.Error(err)
			}
			s.Release()
		}
		w.meets(w.stream(t.Context(), conn).AdmitProbe(), LimitProbes)
		if err := w.stream(t.Context(), w.connects("10.0.0.2")).AdmitProbe(); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(time.Second / 2)
		if err := w.stream(t.Context(), conn).AdmitProbe(); err != nil {
			t.Errorf("later: %v", err)
		}
		if n := w.Usage().Streams; n != 1 {
			t.Errorf("%d streams are counted", n)
		}
	})
}

// The bytes of half a second are allowed at once. All addresses together have the rate of two.
func TestUnprovenBytesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 1000
		w := newWorld(t, func(l *Limits) { l.UnprovenBytes = perSecond })
		took := func(ip string, bytes int) time.Duration {
			s := w.stream(t.Context(), w.connects(ip))
			if err := s.Admit(t.Context()); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			s.AwaitUnproven(t.Context(), bytes)
			return time.Since(start)
		}
		for _, c := range []struct {
			ip    string
			bytes int
			want  time.Duration
		}{
			{"10.0.0.1", -5, 0}, {"10.0.0.1", perSecond / 2, 0}, {"10.0.0.2", perSecond / 2, 0},
			{"10.0.0.1", perSecond / 2, time.Second / 2}, {"10.0.0.3", perSecond, time.Second / 4}, // all together have sent as much as they may
		} {
			if got := took(c.ip, c.bytes); got != c.want {
				t.Errorf("%d bytes from %s took %v, want %v", c.bytes, c.ip, got, c.want)
			}
		}
	})
}

func TestAnAddressIsForgottenWhenNothingIsLeftOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 50 {
			conn := w.connects(fmt.Sprint("10.0.0.", i))
			s := w.stream(t.Context(), conn)
			if err := errors.Join(s.Admit(t.Context()), s.AdmitNode("edge")); err != nil {
				t.Fatal(err)
			}
			w.forget(time.Now().Add(time.Hour)) // of all that is not open
			if u := w.Usage(); u != (Usage{1, 1, 1, 1}) {
				t.Errorf("%+v", u)
			}
			s.Release()
			if err := errors.Join(conn.Close(), conn.Close()); err != nil {
				t.Error(err)
			}
		}
		w.forget(time.Now()) // a rate of the last one is not whole yet
		if u := w.Usage(); u != (Usage{Addresses: 1}) {
			t.Errorf("%+v", u)
		}
		w.forget(time.Now().Add(time.Hour))
		if u := w.Usage(); u != (Usage{}) || w.open != 0 || w.budget.Memory().Held != 0 {
			t.Errorf("left: %+v, %d open, %+v", u, w.open, w.budget.Memory())
		}
	})
}

// Addresses beyond those that are remembered share what one may have.
func TestManyAddressesAreCountedAsOne(t *testing.T) {
	w := newWorld(t, func(l *Limits) { l.Connections = 5 })
	for i := range 30 {
		if err := w.connects(fmt.Sprint("10.0.0.", i)).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Usage().Addresses; n != 4*5+1 {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestConnectionsBeyondTheLimitsAreRefused(t *testing.T) {
	for limit, set := range map[string]func(*Limits){
		LimitConnections:           func(l *Limits) { l.Connections = 2 },
		LimitConnectionsPerAddress: func(l *Limits) { l.ConnectionsPerAddress = 2 },
		LimitMemory:                func(l *Limits) { l.MemoryBytes = 4 * ConnectionBytes },
	} {
		w := newWorld(t, set)
		first := w.connects("10.0.0.1")
		w.connects("10.0.0.1")
		_, _, queued, err := w.dial("10.0.0.1")
		if w.meets(err, limit); queued {
			t.Error("only penalties have a queue")
		}
		if _, _, _, err := w.dial("10.0.0.2"); (err == nil) != (limit != LimitConnections) {
			t.Errorf("%s: another address: %v", limit, err)
		}
		_ = first.Close()
		if _, _, _, err := w.dial("10.0.0.1"); err != nil {
			t.Errorf("%s: the place is not given away: %v", limit, err)
		}
	}
}

func TestWhatDidNotComeThroughTheLimiterIsNotCounted(t *testing.T) {
	w := newWorld(t, func(l *Limits) { l.RefusedStreams = 1 })
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	if a := AddressOf(server); a.Share().Bytes() != 0 || a.String() != "" {
		t.Errorf("%+v", a)
	}
	s := w.NewStream(t.Context())
	for range 20 {
		refused := Refuse(LimitNames, 3, 0, LookAtClient, "too many")
		if err := s.End(t.Context(), refused); !errors.Is(err, refused) {
			t.Error(err)
		}
	}
	if w.met(LimitNames) != 20 || w.met(LimitRefusedStreams) != 0 || s.IsStuck() || s.IsWriting() {
		t.Errorf("%d %d", w.met(LimitNames), w.met(LimitRefusedStreams))
	}
}
