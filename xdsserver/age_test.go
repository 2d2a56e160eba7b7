package xdsserver

import (
	"testing"
	"time"

	"google.golang.org/grpc/connectivity"

	"legate/internal/xdstest"
)

// A connection that is old enough is told to go (GOAWAY). What is open on it goes on for the
// grace time, so that nobody is without; and elsewhere the client is sent nothing that it has.
func TestAnOldConnectionIsToldToGoAndItsStreamGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	const age, grace = time.Second, 5 * time.Second // in which a busy machine gets a change through
	here := newStage(t, func(c *Config) { c.Limits.ConnectionAge, c.Limits.ConnectionGrace = age, grace })
	elsewhere := newStage(t)
	for _, s := range []*stage{here, elsewhere} {
		s.set(service("web", 1)...)
	}
	began := time.Now()
	c := incremental(t, here, "edge")
	c.Want(cds, "*")
	c.Accept(cds, "web@1")
	soon(t, "the connection is told to go", func() bool { return here.conn.GetState() == connectivity.Idle })
	if took := time.Since(began); took < age*9/10 {
		t.Errorf("told to go after %v, its age is %v give or take a tenth", took, age)
	}
	for _, s := range []*stage{here, elsewhere} {
		s.set(cluster("web", 2))
	}
	last := c.Accept(cds, "web@2")
	wantStatus(t, c.Ended(), "Unavailable", "")
	soon(t, "nothing of it is left", func() bool { return len(here.Streams()) == 0 && here.admission.Usage().Connections == 0 })

	again := incremental(t, elsewhere, "edge")
	again.Resume(cds, last.Versions, "*")
	again.Silence()
	elsewhere.set(cluster("web", 3))
	again.Accept(cds, "web@3")
}

func TestAConnectionWithoutAStreamIsClosedAndOneWithAStreamIsNot(t *testing.T) {
	t.Parallel()
	const idle = time.Second
	s := newStage(t, func(c *Config) { c.Limits.IdleConnection = idle })
	s.set(service("web", 1)...)
	busy := s.served(s.conn, "busy")
	bare, left := xdstest.Dial(t, s.address), xdstest.Dial(t, s.address)
	done := s.served(left, "done")
	bare.Connect() // and never opens a stream
	soon(t, "all are connected", func() bool { return s.admission.Usage().Connections == 3 })
	soon(t, "one is closed", func() bool { return s.admission.Usage().Connections < 3 })
	time.Sleep(2 * idle)
	if n := s.admission.Usage().Connections; n != 2 {
		t.Errorf("%d connections, want those that have a stream", n)
	}
	done.Close()
	soon(t, "only the busy one is connected", func() bool { return s.admission.Usage().Connections == 1 })
	s.set(cluster("web", 2))
	busy.Accept(cds, "web@2")
}
