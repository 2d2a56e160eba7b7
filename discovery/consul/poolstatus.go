package consul

// Pool says how the connections to Consul are used at one moment.
type Pool struct {
	Open    int `json:"open"`
	Opening int `json:"opening"`
	Limit   int `json:"limit"` // of those that are open or being opened
	Busy    int `json:"busy"`  // connections with a query on them, such as one that waits for a change
	// Queries are under way on them, and Waiting is how many wait for a connection.
	Queries int `json:"queries"`
	Waiting int `json:"waiting"`
	// PerConnection is how many queries a connection takes at once: one over HTTP/1.1, and over HTTP/2 as many as
	// Consul says; 0: that is not known before the first answer.
	PerConnection int `json:"per_connection"`
}

// status may be called from any goroutine. It looks at each connection.
func (p *pool) status() Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Pool{Opening: p.dials, Limit: p.limit, Waiting: len(p.queue), PerConnection: p.room}
	for _, c := range p.conns {
		if c.Err() != nil {
			continue
		}
		s.Open++
		n := c.InFlight()
		s.Queries += n
		if n > 0 {
			s.Busy++
		}
	}
	return s
}
