package admission

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"

	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// world is a Limiter and clients without a network.
type world struct {
	*Limiter
	t    testing.TB
	open int // connections, as they are reported
}

func newWorld(t testing.TB, change ...func(*Limits)) *world {
	t.Helper()
	limits := DefaultLimits()
	for _, c := range change {
		c(&limits)
	}
	if err := limits.Validate(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t}
	budget := NewBudget(int64(limits.MemoryBytes), func(string) {})
	refusals := NewRefusals(slog.New(slog.NewTextHandler(io.Discard, nil)), func(string) {})
	w.Limiter = NewLimiter(limits, 100, budget, refusals, func(n int) { w.open = n }, make(chan struct{}))
	return w
}

// pipe is the server's end of a connection.
type pipe struct {
	net.Conn
	from net.Addr
}

func (p pipe) RemoteAddr() net.Addr { return p.from }

// at is a client's address.
func at(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }

// dial connects from an address. It returns nil for a connection that is not admitted.
func (w *world) dial(ip string) (c *connection, client net.Conn, queued bool, err error) {
	client, server := net.Pipe()
	w.t.Cleanup(func() { _ = client.Close() })
	c, queued, err = w.connect(pipe{server, at(ip)})
	return c, client, queued, err
}

// connects is dial for a connection that has to be admitted.
func (w *world) connects(ip string) *connection {
	w.t.Helper()
	c, _, queued, err := w.dial(ip)
	if err != nil || queued {
		w.t.Fatal(queued, err)
	}
	if n := w.Usage().Connections; w.open != n {
		w.t.Errorf("%d connections are counted, %d are told", n, w.open)
	}
	return c
}

// stream opens a stream on a connection.
func (w *world) stream(ctx context.Context, c *connection) *Stream {
	return w.NewStream(peer.NewContext(ctx, &peer.Peer{Addr: c.RemoteAddr()}))
}

// refused opens a stream that ends with a limit error.
func (w *world) refused(ctx context.Context, c *connection) {
	w.t.Helper()
	refused := Refuse(LimitNodeIDBytes, 3, 0, LookAtClient, "the node's id is too long")
	if got := w.stream(ctx, c).End(ctx, refused); !errors.Is(got, refused) {
		w.t.Errorf("%v", got)
	}
}

// met is how often clients have met a limit.
func (w *world) met(limit string) uint64 {
	for _, r := range w.refusals.All() {
		if r.Limit == limit {
			return r.Count
		}
	}
	w.t.Fatalf("there is no limit %q", limit)
	return 0
}

// meets reports an error that is not the one of a limit.
func (w *world) meets(err error, limit string) {
	w.t.Helper()
	if e := new(Error); !errors.As(err, &e) || e.Limit != limit || status.Code(err) != e.Code {
		w.t.Errorf("%v, want one of the limit %s", err, limit)
	}
}

func isClosed(c *connection) bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}
