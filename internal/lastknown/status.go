package lastknown

import (
	"fmt"
	"log/slog"
	"time"
)

// state is what a Shelf says of itself.
type state struct {
	read      bool // Consul was, completely
	stale     bool
	believed  time.Time // what is served, while stale
	services  int       // in that
	written   time.Time // the date in the file that was written last
	unusable  string    // why the file was not used; empty once it is replaced
	unwritten string    // why it cannot be written now
	exposed   string    // who else can change it
}

// Status is a Shelf's state at one moment, for people and probes.
type Status struct {
	File string `json:"file,omitempty"` // empty: nothing is kept
	// Stale is true while the file's catalog is served in Consul's place.
	Stale bool `json:"stale"`
	// Believed is when Consul last said what is served; only while Stale.
	Believed time.Time `json:"believed,omitzero"`
	// Services is how many are served from the file; only while Stale.
	Services int `json:"services,omitempty"`
	// Expired is true when that is longer ago than Config.MaxAge. What is served is not taken
	// back then, but Legate is not ready any more.
	Expired bool `json:"expired,omitempty"`
	// Written is the date of the file as it was last written by this Legate.
	Written time.Time `json:"written,omitzero"`
	// Unusable says why the file that was there at the start is not used, Unwritten why it
	// cannot be written now, each with a remedy; empty if all is well.
	Unusable  string `json:"unusable,omitempty"`
	Unwritten string `json:"unwritten,omitempty"`
	// Exposed says how others than Legate and root can change the file, with the remedy.
	Exposed string `json:"exposed,omitempty"`
}

// Status may be called at any time.
func (s *Shelf) Status() Status {
	s.mu.Lock()
	st := s.state
	s.mu.Unlock()
	return Status{
		File: s.path, Stale: st.stale, Believed: st.believed, Services: st.services,
		Expired: st.stale && time.Since(st.believed) > s.config.MaxAge,
		Written: st.written, Unusable: st.unusable, Unwritten: st.unwritten, Exposed: st.exposed,
	}
}

// Age is how old what is served is, in words; empty unless it is stale.
func (s Status) Age(now time.Time) string {
	if !s.Stale {
		return ""
	}
	return fmt.Sprintf("the last known catalog, as Consul said it %s, at %s", Ago(s.Believed, now), s.Believed.Format(time.RFC3339))
}

// Ago is how long before now a date is, in words. One that lies ahead says that a clock was set.
func Ago(date, now time.Time) string {
	since := now.Sub(date).Round(time.Second)
	if since < 0 {
		return fmt.Sprintf("dated %v ahead of this machine's clock", -since)
	}
	return fmt.Sprintf("%v ago", since)
}

// age is the same for the log.
func age(date, now time.Time) slog.Attr {
	since := now.Sub(date).Round(time.Second).Seconds()
	if since < 0 {
		return slog.Float64("ahead_seconds", -since)
	}
	return slog.Float64("age_seconds", since)
}

// change changes the state and reports whether it differs then.
func (s *Shelf) change(f func(*state)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.state
	f(&s.state)
	return s.state != was
}

func (s *Shelf) wasRead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.read
}

// Datacenter is that of the file that was loaded; empty if there is none.
func (s *Shelf) Datacenter() string { return s.header.Scope.Datacenter }
