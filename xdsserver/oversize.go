package xdsserver

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"legate/metrics"
)

// Oversize is a kind of response that has more than Config.MaxResponseBytes and cannot be split.
// A client whose limit it exceeds ends its stream, and comes again, and so on.
type Oversize struct {
	Type     string    `json:"type"` // URL
	Protocol string    `json:"protocol"`
	Bytes    int       `json:"bytes"`          // of the last one
	Name     string    `json:"name,omitempty"` // of its only resource; empty: there are several
	Node     string    `json:"node"`           // that got it
	Count    uint64    `json:"count"`          // since the start
	Last     time.Time `json:"last"`
	Remedy   string    `json:"remedy"`

	logged time.Time
	silent int // since it was logged
}

// oversizes counts them, and logs each kind once in a while.
type oversizes struct {
	log     *slog.Logger
	metrics *metrics.XDS

	mu   sync.Mutex
	kind map[[2]string]*Oversize // by type and protocol
}

func newOversizes(log *slog.Logger, m *metrics.XDS) *oversizes {
	return &oversizes{log: log, metrics: m, kind: map[[2]string]*Oversize{}}
}

// count says that a body was sent to a node although it is too large.
func (o *oversizes) count(typeURL, protocol, node string, p *body) {
	name, remedy := "", "let that client ask incrementally (api_type: DELTA_GRPC, as in \"legate bootstrap envoy\"): it gets its resources in parts then; or raise its limit for one message, and xds.max_response_bytes"
	if len(p.entries) == 1 {
		name, remedy = sane(p.entries[0].name), "register fewer instances under this name, or raise that client's limit for one message, and xds.max_response_bytes"
	}
	o.metrics.Oversized(typeURL)
	o.mu.Lock()
	defer o.mu.Unlock()
	key := [2]string{typeURL, protocol}
	k := o.kind[key]
	if k == nil {
		k = &Oversize{Type: typeURL, Protocol: protocol}
		o.kind[key] = k
	}
	k.Bytes, k.Name, k.Node, k.Last, k.Remedy = p.size, name, sane(node), time.Now(), remedy
	k.Count++
	if k.Last.Sub(k.logged) < logEvery {
		k.silent++
		return
	}
	o.log.Warn("a response is larger than it should be and cannot be split", "type", typeURL, "protocol", protocol, "bytes", k.Bytes,
		"name", name, "node", k.Node, "repeats", k.silent, "remedy", remedy)
	k.logged, k.silent = k.Last, 0
}

// Oversized lists the kinds of responses that were larger than they should be since the start.
func (s *Server) Oversized() []Oversize {
	o := s.oversized
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Oversize, 0, len(o.kind))
	for _, k := range o.kind {
		list = append(list, *k)
	}
	slices.SortFunc(list, func(a, b Oversize) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Protocol, b.Protocol))
	})
	return list
}
