package xdsserver

import (
	"cmp"
	"slices"
	"time"

	"legate/translate"
)

// ViewStatus is what is served to the nodes of a view.
type ViewStatus struct {
	View      View              `json:"view"`
	Published time.Time         `json:"published"` // when its snapshot last changed
	Streams   int               `json:"streams"`
	Resources map[string]int    `json:"resources"` // by type URL
	Versions  map[string]string `json:"versions"`  // by type URL
	// Quarantined is what several clients of the view reject, and none has accepted.
	Quarantined []Quarantine `json:"quarantined,omitempty"`
}

// Views says what is served, view by view.
func (s *Server) Views() []ViewStatus {
	objections := s.callbacks.objections()
	s.mu.RLock()
	defer s.mu.RUnlock()
	var views []ViewStatus
	for _, st := range s.stores {
		v := st.status()
		v.Quarantined = st.faults(objections)
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b ViewStatus) int { return cmp.Compare(a.View.String(), b.View.String()) })
	return views
}

func (s *store) status() ViewStatus {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := ViewStatus{View: s.view, Published: s.published, Resources: map[string]int{}, Versions: map[string]string{}}
	for _, t := range s.tables {
		v.Resources[t.typeURL] = len(t.live)
		v.Versions[t.typeURL] = t.version()
	}
	for _, w := range s.wakers {
		if w != nil {
			v.Streams++
		}
	}
	return v
}

// sizes is how many resources of each type there are.
func (s *store) sizes() map[string]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sizes := make(map[string]int, len(s.tables))
	for _, t := range s.tables {
		sizes[t.typeURL] = len(t.live)
	}
	return sizes
}

// Dump returns the snapshot of a view by type and name, and whether there is such a view.
func (s *Server) Dump(view View) ([]translate.Resource, bool) {
	s.mu.RLock()
	st := s.stores[view]
	s.mu.RUnlock()
	if st == nil {
		return nil, false
	}
	return st.resources(), true
}

// resources are all that are served.
func (s *store) resources() []translate.Resource {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []translate.Resource
	for _, t := range s.tables {
		for _, e := range t.live {
			all = append(all, e.res.translated())
		}
	}
	return all
}

// StreamStatus is an open stream.
type StreamStatus struct {
	ID       string       `json:"id"`
	Protocol string       `json:"protocol"`       // sotw or delta
	Only     string       `json:"only,omitempty"` // its type URL, if it is not aggregated
	Peer     string       `json:"peer"`
	Identity string       `json:"identity,omitempty"` // the name in the client's certificate
	Node     string       `json:"node"`
	Cluster  string       `json:"cluster,omitempty"`
	Agent    string       `json:"agent,omitempty"`
	Region   string       `json:"region,omitempty"` // where its node stands, by the node's locality; empty: it does not say
	Zone     string       `json:"zone,omitempty"`
	Opened   time.Time    `json:"opened"`
	Types    []TypeStatus `json:"types"` // by type URL
}

// TypeStatus is how far a stream is with one type.
type TypeStatus struct {
	Type         string    `json:"type"` // URL
	State        State     `json:"state"`
	Since        time.Time `json:"since"` // when it came into that state
	Responses    int       `json:"responses"`
	Acks         int       `json:"acks"`
	Nacks        int       `json:"nacks"`
	SentVersion  string    `json:"sent_version,omitempty"`
	AckedVersion string    `json:"acked_version,omitempty"`
	LastSent     time.Time `json:"last_sent,omitzero"`
	LastAck      time.Time `json:"last_ack,omitzero"`
	// Wants is how many resources the client asks for. Behind is how many versions of them are published, and neither
	// acknowledged nor rejected (at least, if they are many): it waits for the oldest since Waiting. Unsent of them were not
	// sent yet: a client that leaves many responses unanswered gets no more.
	Wants   int       `json:"wants"`
	Behind  int       `json:"behind"`
	Unsent  int       `json:"unsent,omitempty"`
	Waiting time.Time `json:"waiting,omitzero"`
	// Resumed is when the client came back with just what it would have been sent.
	Resumed time.Time `json:"resumed,omitzero"`
	// Rejection is what the client said last, while something that it rejected is parked.
	// Rejected is what that is, by name and with the reason: ten at most, none if it is not known yet.
	// RejectedCount is how many there are. Remedy is what helps where no change of a service will.
	Rejection     string            `json:"rejection,omitempty"`
	Rejected      map[string]string `json:"rejected,omitempty"`
	RejectedCount int               `json:"rejected_count,omitempty"`
	Remedy        string            `json:"remedy,omitempty"`
	// InVain are names that the client asks for and Consul does not have, the first ten of them;
	// InVainCount says how many there are.
	InVain      []Missing `json:"in_vain,omitempty"`
	InVainCount int       `json:"in_vain_count,omitempty"`
}

// State is where a stream stands with one type.
type State string

// The states of a type on a stream.
const (
	Synced  State = "SYNCED"   // the client acknowledged all that it was sent, or brought all it wants
	Stale   State = "STALE"    // something it wants is not acknowledged yet
	NotSent State = "NOT SENT" // nothing was sent
	Nacked  State = "NACKED"   // something is parked because it was rejected
)

func (t *typeRecord) state() State {
	switch {
	case t.rejected != "":
		return Nacked
	case t.sent == 0 && t.resumed.IsZero():
		return NotSent
	case len(t.open) > 0:
		return Stale
	}
	return Synced
}

// Streams lists the open streams in the order in which they were opened.
func (s *Server) Streams() []StreamStatus {
	missed := map[*store]map[missingKey]missing{}
	s.mu.RLock()
	for _, st := range s.stores {
		missed[st] = st.missingNames()
	}
	s.mu.RUnlock()
	records := s.callbacks.records()
	streams := make([]StreamStatus, 0, len(records))
	for _, r := range records {
		streams = append(streams, r.status(missed))
	}
	slices.SortFunc(streams, func(a, b StreamStatus) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	})
	return streams
}

func (r *streamRecord) status(missed map[*store]map[missingKey]missing) StreamStatus {
	far := r.progress()
	r.mu.Lock()
	defer r.mu.Unlock()
	st := StreamStatus{
		ID: r.stream.ID, Protocol: r.stream.Protocol, Only: r.only, Peer: r.peer, Identity: sane(r.identity), Opened: r.opened,
		Node: sane(r.node.GetId()), Cluster: sane(r.node.GetCluster()), Agent: sane(r.node.GetUserAgentName()),
	}
	if r.store != nil {
		place := placeOf(r.node, r.store.view.Datacenter)
		st.Region, st.Zone = sane(place.Region), sane(place.Zone)
	}
	for _, t := range r.types {
		absent := missed[r.store][missingKey{r.slot, t.typeURL}]
		of := TypeStatus{
			Type: sane(t.typeURL), State: t.state(), Since: t.since, Responses: t.sent, Acks: t.ack, Nacks: t.nack,
			SentVersion: t.sentVersion, AckedVersion: t.acked, LastSent: t.lastSent, LastAck: t.lastOK, Resumed: t.resumed,
			Rejection: t.rejected, Rejected: t.parked, Remedy: remedyOf(t.rejected), InVain: absent.few, InVainCount: absent.count,
		}
		of.with(far[t.typeURL])
		st.Types = append(st.Types, of)
	}
	slices.SortFunc(st.Types, func(a, b TypeStatus) int { return cmp.Compare(a.Type, b.Type) })
	return st
}

// Left is when the last stream ended, after which there was none; zero while there are some, and
// before the first.
func (s *Server) Left() time.Time {
	s.callbacks.mu.RLock()
	defer s.callbacks.mu.RUnlock()
	return s.callbacks.left
}
