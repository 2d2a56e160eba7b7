package xdsserver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"legate/internal/logs"
)

// comings logs each client that connects or disconnects: each stream has a line, unless there are so many that they
// are summed up (see [logs.Sparse]). A client is known by its first request, so a connection that never sends one has
// no line here; it meets a limit.
type comings struct {
	log *slog.Logger

	mu         sync.Mutex
	come, gone logs.Sparse
}

// connected and disconnected tell of a stream.
func (c *comings) connected(r *streamRecord) {
	if c.line(&c.come) {
		c.log.Info("client connected", "stream", r.stream.ID, "node", sane(r.id), "peer", r.peer, "identity", sane(r.identity))
	}
}

func (c *comings) disconnected(r *streamRecord, code string) {
	if c.line(&c.gone) {
		c.log.Info("client disconnected", "stream", r.stream.ID, "node", sane(r.id), "peer", r.peer, "code", code, "seconds", r.age().Round(time.Millisecond).Seconds())
	}
}

func (c *comings) line(s *logs.Sparse) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.Line(time.Now())
}

// run sums up those that had no line, until the context is done, and then the rest.
func (c *comings) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.sum(true)
			return
		case <-tick.C:
			c.sum(false)
		}
	}
}

func (c *comings) sum(last bool) {
	now := time.Now()
	for _, of := range []struct {
		message string
		sparse  *logs.Sparse
	}{{"and more clients connected", &c.come}, {"and more clients disconnected", &c.gone}} {
		c.mu.Lock()
		n, in := of.sparse.Sum(now, last)
		c.mu.Unlock()
		if n > 0 {
			c.log.Info(of.message, "streams", n, "seconds", in.Round(time.Millisecond).Seconds(), "see", "/api/v1/nodes")
		}
	}
}
