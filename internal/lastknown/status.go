package lastknown

import (
	"fmt"
	"log/slog"
	"time"
)

// state is what Status reports.
type state struct {
	read      bool // Consul has been read completely
	stale     bool
	believed  time.Time // date of the catalog that is served while stale
	services  int       // in that catalog
	written   time.Time // date in the last file that was written
	unusable  string    // why the file was not used; empty once it is replaced
	unwritten string    // why the file cannot be written now
	exposed   string    // who else can change it
}

// Status is a Shelf's state at one moment, for people and probes.
type Status struct {
	File string `json:"file,omitempty"` // empty: nothing is kept
	// Stale is true while the file's catalog is served instead of Consul's.
	Stale bool `json:"stale"`
	// Believed is when Consul last confirmed what is served. It is set only while Stale.
	Believed time.Time `json:"believed,omitzero"`
	// Services is how many services are served from the file. It is set only while Stale.
	Services int `json:"services,omitempty"`
	// Expired is true when Believed is longer ago than Config.MaxAge. The catalog stays served, but
	// Legate reports that it is not ready.
	Expired bool `json:"expired,omitempty"`
	// Written is the date in the file that this Legate last wrote.
	Written time.Time `json:"written,omitzero"`
	// Unusable says why the file found at the start is not used, Unwritten why it cannot be written
	// now. Each includes a remedy and is empty if all is well.
	Unusable  string `json:"unusable,omitempty"`
	Unwritten string `json:"unwritten,omitempty"`
	// Exposed says how users other than Legate's and root can change the file, with a remedy.
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

// Age says in words how old the served catalog is; empty unless it is stale.
func (s Status) Age(now time.Time) string {
	if !s.Stale {
		return ""
	}
	return fmt.Sprintf("the last known catalog, as Consul said it %s, at %s", Ago(s.Believed, now), s.Believed.Format(time.RFC3339))
}

// Ago says in words how long before now a date is. A date ahead of now means that a clock was
// changed.
func Ago(date, now time.Time) string {
	since := now.Sub(date).Round(time.Second)
	if since < 0 {
		return fmt.Sprintf("dated %v ahead of this machine's clock", -since)
	}
	return fmt.Sprintf("%v ago", since)
}

// age is Ago as an attribute for the log.
func age(date, now time.Time) slog.Attr {
	since := now.Sub(date).Round(time.Second).Seconds()
	if since < 0 {
		return slog.Float64("ahead_seconds", -since)
	}
	return slog.Float64("age_seconds", since)
}

// change applies f to the state and reports whether that changed it.
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

// Datacenter is that of the loaded file; empty if there is none.
func (s *Shelf) Datacenter() string { return s.header.Scope.Datacenter }
