package consul

import (
	"slices"
	"time"
)

// run serves those who wait when something has changed, and closes idle connections.
func (p *pool) run() {
	ticker := time.NewTicker(idleTime)
	defer ticker.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.changed:
			p.mu.Lock()
			p.serve()
			p.mu.Unlock()
		case <-ticker.C:
			p.closeIdle(false)
		}
	}
}

// closeIdle closes the connections that have no request now: all of them, or only those that had
// none since the last call either.
func (p *pool) closeIdle(all bool) {
	var idle []*pooled
	p.mu.Lock()
	p.conns = slices.DeleteFunc(p.conns, func(c *pooled) bool {
		if active := c.InFlight() > 0; active || c.used && !all {
			c.used = active
			return false
		}
		idle = append(idle, c)
		return true
	})
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.Close() // nobody waits for anything on it
	}
}

// close ends all requests and connections, and waits until they have ended.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.end()
	p.loops.Wait()
	p.mu.Lock()
	p.fail(len(p.queue), errPoolClosed)
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for _, c := range conns {
		p.loops.Go(func() { _ = c.Close() }) // an end needs no success
	}
	p.loops.Wait()
}
