package metrics

import "sync/atomic"

// Totals are the exchanges since the start, in the terms of go-control-plane's example callbacks
// (docs/server.md): Requests and Responses are those of SotW streams.
type Totals struct {
	Fetches        uint64
	Requests       uint64
	Responses      uint64
	DeltaRequests  uint64
	DeltaResponses uint64
}

// Totals returns the exchanges so far.
func (x *XDS) Totals() Totals {
	if x == nil {
		return Totals{}
	}
	return Totals{
		Fetches:        x.totals.fetches.Load(),
		Requests:       x.totals.requests.Load(),
		Responses:      x.totals.responses.Load(),
		DeltaRequests:  x.totals.deltaRequests.Load(),
		DeltaResponses: x.totals.deltaResponses.Load(),
	}
}

// Moves grows whenever a stream opens, ends, asks, or is sent something.
func (x *XDS) Moves() uint64 {
	t := x.Totals()
	if x == nil {
		return 0
	}
	return t.Fetches + t.Requests + t.Responses + t.DeltaRequests + t.DeltaResponses + x.totals.streams.Load()
}

type totals struct {
	streams                                                     atomic.Uint64 // opened and ended
	fetches, requests, responses, deltaRequests, deltaResponses atomic.Uint64
}

func (t *totals) request(protocol string) {
	if protocol == "delta" {
		t.deltaRequests.Add(1)
	} else {
		t.requests.Add(1)
	}
}

func (t *totals) response(protocol string) {
	if protocol == "delta" {
		t.deltaResponses.Add(1)
	} else {
		t.responses.Add(1)
	}
}
