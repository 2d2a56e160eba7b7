package admin

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"legate/discovery"
	"legate/internal/bridge"
	"legate/internal/lastknown"
	"legate/internal/listen"
	"legate/internal/quote"
	"legate/internal/register"
	"legate/translate"
	"legate/xdsserver"
	"legate/xdsserver/admission"
)

// Status is everything at one moment, for programs. The page shows the same to people.
type Status struct {
	Version  string    `json:"version"`
	Revision string    `json:"revision,omitempty"`
	Go       string    `json:"go_version"`
	Now      time.Time `json:"now"`
	Started  time.Time `json:"started"`
	Uptime   float64   `json:"uptime_seconds"`

	Ready    bool   `json:"ready"`
	NotReady string `json:"not_ready,omitempty"` // the reason; empty: ready
	Stopping bool   `json:"stopping,omitempty"`
	Stale    string `json:"stale,omitempty"` // what is served instead of Consul's catalog, and why
	// Complete is when the first complete snapshot was published, Changed when the last one was.
	Complete time.Time `json:"complete,omitzero"`
	Changed  time.Time `json:"changed,omitzero"`

	Own       []Trouble        `json:"own"` // what is wrong with Legate itself
	Consul    discovery.Status `json:"consul"`
	LastKnown lastknown.Status `json:"last_known"`
	// Registration is Legate's own in Consul; none: it need not be registered.
	Registration *register.Status `json:"registration,omitempty"`

	Views   []xdsserver.ViewStatus   `json:"views"`
	Streams []xdsserver.StreamStatus `json:"streams"`
	Pollers []xdsserver.Poller       `json:"pollers"` // nodes without streams, which ask again and again (REST)
	Refused []listen.Refused         `json:"refused"` // how many clients met each limit
	Memory  admission.Memory         `json:"memory"`  // held for clients
	// Oversized are responses above the size limit that cannot be split.
	Oversized []xdsserver.Oversize `json:"oversized"`
	// Unfollowed are clients that take clusters but never subscribe to their endpoints.
	Unfollowed []xdsserver.Unfollowed `json:"unfollowed"`
	Problems   []Problem              `json:"problems"` // services and instances that are left out
	// Rollout is a change of policy that goes out bit by bit; none, if none is under way.
	Rollout *Rollout `json:"rollout,omitempty"`
}

// Rollout is a bridge.Rollout with names for JSON.
type Rollout struct {
	Since    time.Time  `json:"since"`
	Changed  int        `json:"changed"`            // clusters that have the new policy
	Waiting  int        `json:"waiting"`            // clusters that still have the old one
	Paused   time.Time  `json:"paused,omitzero"`    // since when it waits, because clients reject what it changed
	Rejected []Rejected `json:"rejected,omitempty"` // some of what they reject of it, also while it goes on
	Against  int        `json:"against,omitempty"`  // clients that reject something of it; those with one address or certificate are one
	For      int        `json:"for,omitempty"`      // clients that have taken what they were sent of it
	Silent   int        `json:"silent,omitempty"`   // clients that have not answered, or were sent nothing of it yet
	Remedy   string     `json:"remedy,omitempty"`   // how it goes on
}

// Total is the number of its clusters.
func (r Rollout) Total() int { return r.Changed + r.Waiting }

// Rejected is a resource that a client rejects after its policy changed.
type Rejected struct {
	Type   string `json:"type"` // URL
	Name   string `json:"name"`
	Node   string `json:"node"`   // of one of the clients
	Client string `json:"client"` // the name in its certificate, else its address
	Reason string `json:"reason"`
}

// rolloutOf returns nil if none is under way.
func rolloutOf(r bridge.Rollout) *Rollout {
	if r.Changed+r.Waiting == 0 {
		return nil
	}
	out := &Rollout{Since: r.Since, Changed: r.Changed, Waiting: r.Waiting, Paused: r.Paused, Against: r.Against, For: r.For, Silent: r.Silent, Remedy: r.GoesOn}
	for _, one := range r.Rejected {
		out.Rejected = append(out.Rejected, Rejected{one.Type, one.Name.Name, one.Node, one.Client, one.Reason})
	}
	return out
}

// Problem is a translate.Problem with names for JSON.
type Problem struct {
	Service  string           `json:"service"`
	Instance string           `json:"instance,omitempty"`
	Reason   translate.Reason `json:"reason"`
	Detail   string           `json:"detail"`
	Remedy   string           `json:"remedy"`
}

func (s *Server) read() Status {
	state, now := s.rooms.Bridge.State(), s.now()
	out := Status{
		Version: s.rooms.Build.Version, Revision: s.rooms.Build.Revision, Go: s.rooms.Build.GoVersion,
		Now: now, Started: state.Since, Uptime: now.Sub(state.Since).Round(time.Millisecond).Seconds(),
		NotReady: s.notReady(), Stopping: s.rooms.Stopping(), Stale: s.stale(), Complete: state.Complete, Changed: state.Changed,
		Own:        s.own(),
		Consul:     s.consulStatus(),
		LastKnown:  s.rooms.LastKnown.Status(),
		Views:      append([]xdsserver.ViewStatus{}, s.rooms.XDS.Views()...), // [] in JSON, not null
		Streams:    append([]xdsserver.StreamStatus{}, s.rooms.XDS.Streams()...),
		Pollers:    append([]xdsserver.Poller{}, s.rooms.XDS.Pollers()...),
		Refused:    slices.Concat(s.rooms.XDS.Refused(), s.refusals.All()),
		Oversized:  append([]xdsserver.Oversize{}, s.rooms.XDS.Oversized()...),
		Memory:     s.rooms.XDS.Memory(),
		Unfollowed: append([]xdsserver.Unfollowed{}, s.rooms.XDS.Unfollowed()...),
		Problems:   []Problem{},
		Rollout:    rolloutOf(state.Rollout),
	}
	out.Ready = out.NotReady == ""
	if s.rooms.Registration != nil {
		out.Registration = s.rooms.Registration()
	}
	for _, p := range state.Resources.Problems() {
		out.Problems = append(out.Problems, problemOf(p))
	}
	return out
}

func problemOf(p translate.Problem) Problem {
	p.Service, p.Instance, p.Detail = cut(p.Service), cut(p.Instance), cut(p.Detail)
	return Problem(p)
}

// cut bounds the length of untrusted text.
func cut(text string) string { return quote.Cut(text, quote.DataBytes) }

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	body, err := json.MarshalIndent(s.read(), "", "  ")
	if err != nil {
		s.log.Error("status not encoded", "error", err)
		http.Error(w, "the status could not be encoded: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(quote.JSON(body), '\n')) // the client may have gone
}
