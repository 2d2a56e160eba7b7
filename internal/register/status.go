package register

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/discovery/consul"
)

// Status says whether Legate is registered and, if not, why not.
type Status struct {
	Name    string    `json:"name"`
	ID      string    `json:"id,omitempty"`
	Address string    `json:"address,omitempty"` // host:port, the path of a unix socket, or, with the agent's own host, a port
	Checks  []string  `json:"checks,omitempty"`  // grpc, http, ttl
	Since   time.Time `json:"since,omitzero"`    // when it was registered; none: it is not
	Failing time.Time `json:"failing,omitzero"`  // since when something is wrong; none: nothing is
	Problem string    `json:"problem,omitempty"`
	Remedy  string    `json:"remedy,omitempty"`
}

// Status is the state of the registration now.
func (r *Registrar) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Registered says whether Legate is registered, and nothing is wrong with that.
func (s Status) Registered() bool { return !s.Since.IsZero() && s.Failing.IsZero() }

// State is registered, failing, or empty: Legate is not ready yet, or stops.
func (s Status) State() string {
	switch {
	case !s.Failing.IsZero():
		return "failing"
	case !s.Since.IsZero():
		return "registered"
	}
	return ""
}

// change changes the status.
func (r *Registrar) change(do func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(&r.status)
}

func (r *Registrar) registered(as consul.Registration) {
	var checks []string
	for _, c := range as.Checks {
		checks = append(checks, c.ID[strings.LastIndex(c.ID, ":")+1:])
	}
	address := net.JoinHostPort(as.Address, strconv.Itoa(as.Port))
	if as.Socket != "" {
		address = as.Socket
	}
	r.change(func(s *Status) {
		*s = Status{Name: as.Name, ID: as.ID, Address: address, Checks: checks, Since: time.Now()}
	})
	r.log.Info("legate is registered in consul", "service", as.Name, "id", as.ID, "address", address, "checks", checks)
}

// forgotten is for an agent that knows Legate no more, or not with all its checks.
func (r *Registrar) forgotten() {
	r.change(func(s *Status) { s.Since = time.Time{} })
	r.log.Warn("consul's agent has forgotten that legate is registered, or has another token: it is told again", "service", r.config.Name)
}

// looked is for an agent that knows Legate. A check that fails while Legate is ready is a problem: DNS does not name it.
func (r *Registrar) looked(states []consul.CheckState, ready bool) {
	i := slices.IndexFunc(states, func(s consul.CheckState) bool { return s.Status == "critical" })
	if i < 0 || !ready {
		if !r.Status().Failing.IsZero() {
			r.change(func(s *Status) { s.Failing, s.Problem, s.Remedy = time.Time{}, "", "" })
			r.log.Info("legate's registration in consul is well again", "service", r.config.Name)
		}
		return
	}
	r.trouble(fmt.Sprintf("Consul's check %s fails, so DNS does not name Legate: %s", states[i].ID, strings.TrimSpace(states[i].Output)),
		"let Consul's agent reach that address, or have Legate tell the agent how it is: --register-check ttl")
}

// failed is for an agent that did not do what was asked, and for a registration that cannot be made.
func (r *Registrar) failed(err error) {
	remedy := consul.RemedyOf(err)
	if own := (unplanned{}); errors.As(err, &own) {
		remedy = own.remedy
	}
	r.trouble(err.Error(), remedy)
}

func (r *Registrar) trouble(problem, remedy string) {
	before := r.Status()
	r.change(func(s *Status) {
		if s.Failing.IsZero() {
			s.Failing = time.Now()
		}
		s.Problem, s.Remedy = problem, remedy
	})
	if before.Problem != problem {
		r.log.Warn("legate's registration in consul is not as it should be, it goes on serving", "service", r.config.Name, "error", problem, "remedy", remedy)
	}
}

// gone is for a registration that was removed.
func (r *Registrar) gone() {
	r.change(func(s *Status) { s.Since, s.Failing, s.Problem, s.Remedy = time.Time{}, time.Time{}, "", "" })
	r.log.Info("legate is not registered in consul any more", "service", r.config.Name)
}
