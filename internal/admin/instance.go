package admin

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/internal/quote"
	"legate/translate"
)

// HealthCount counts instances by what Consul says of them.
type HealthCount struct {
	Passing     int `json:"passing"`
	Warning     int `json:"warning"`
	Critical    int `json:"critical"`
	Maintenance int `json:"maintenance"`
}

func (c *HealthCount) add(h catalog.Health, n int) {
	*[...]*int{&c.Passing, &c.Warning, &c.Critical, &c.Maintenance}[h] += n
}

// Total is the number of instances.
func (c HealthCount) Total() int { return c.Passing + c.Warning + c.Critical + c.Maintenance }

// Down reports whether there are instances, and none is well enough to take traffic.
func (c HealthCount) Down() bool { return c.Passing+c.Warning == 0 && c.Total() > 0 }

// Instance is one instance of a service: what Consul says of it, and what Envoy gets of it.
type Instance struct {
	Site    string `json:"site,omitempty"` // where it is, if not in the own datacenter: dc2, cluster01.peer
	Node    string `json:"node"`
	ID      string `json:"id"`
	Address string `json:"address"` // as registered
	Health  string `json:"health"`
	// HealthSince is since when it is that, as far as Legate has seen; with HealthAtLeast it may be longer.
	HealthSince   time.Time `json:"health_since,omitzero"`
	HealthAtLeast bool      `json:"health_since_at_least,omitempty"`
	Checks        []Check   `json:"checks"` // those that do not pass
	Weights       Weights   `json:"weights"`
	Tags          []string  `json:"tags"`
	Index         uint64    `json:"modify_index"`
	// State is what it amounts to.
	State     InstanceState `json:"state"`
	Endpoints []Endpoint    `json:"endpoints"` // what Envoy gets; none: it is left out
	// Why says why it takes no traffic, and Remedy what to do about it.
	Why    string `json:"why,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// HealthFor says how long it has its health; empty if that is not known.
func (i Instance) HealthFor(now time.Time) string {
	if i.HealthSince.IsZero() {
		return ""
	}
	d := max(0, now.Sub(i.HealthSince))
	said := span(d)
	if d < time.Second {
		said = brief(d)
	}
	if i.HealthAtLeast {
		return "for at least " + said
	}
	return "for " + said
}

// Check is a health check in Consul.
type Check struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Node   bool   `json:"node"` // it is its node's
}

// Weights are those that are registered.
type Weights struct {
	Passing int `json:"passing"`
	Warning int `json:"warning"`
}

// Endpoint is an endpoint as Envoy gets it.
type Endpoint struct {
	Address string `json:"address"`
	Health  string `json:"health"` // in Envoy's words
	Weight  uint32 `json:"weight"`
	// Priority is Envoy's: 0 is used first.
	Priority uint32 `json:"priority"`
	Region   string `json:"region"`
	Zone     string `json:"zone"`
}

// InstanceState says whether an instance takes traffic, as far as Legate decides that: Envoy may find by itself
// that one is not well.
type InstanceState string

// The states, in the order in which they are shown.
const (
	LeftOut   InstanceState = "left_out"
	NoTraffic InstanceState = "no_traffic"
	Standby   InstanceState = "standby" // traffic only while too few others are healthy
	Serving   InstanceState = "serving"
	Reserve   InstanceState = "reserve" // traffic only while those that are used first are not healthy
)

func (s InstanceState) place() int {
	if s == Reserve { // it is as well as one that serves
		s = Serving
	}
	return slices.Index([]InstanceState{LeftOut, NoTraffic, Standby, Serving}, s)
}

// maxParts is how many checks, tags and endpoints of one instance are shown.
const maxParts = 20

// byState are all instances of a service, those without traffic first.
func byState(x translate.Explanation, by loads) []translate.Became {
	all := slices.Clone(x.Instances)
	slices.SortStableFunc(all, func(a, b translate.Became) int { return cmp.Compare(by.stateOf(a).place(), by.stateOf(b).place()) })
	return all
}

func instanceOf(b translate.Became, by loads) Instance {
	i := b.Instance
	out := Instance{Node: cut(i.Node), ID: cut(i.ID), Address: cut(registeredAt(i)), Health: i.Health.String(), Checks: []Check{}, Tags: []string{},
		Weights: Weights{i.Weights.Passing, i.Weights.Warning}, Index: i.ModifyIndex, State: by.stateOf(b), Endpoints: []Endpoint{}}
	failing := slices.DeleteFunc(slices.Clone(i.Checks), func(c catalog.Check) bool { return c.Status == catalog.Passing.String() })
	slices.SortStableFunc(failing, func(a, b catalog.Check) int { return cmp.Compare(a.Status, b.Status) }) // critical first
	for _, c := range failing[:min(len(failing), maxParts)] {
		out.Checks = append(out.Checks, Check{cut(c.ID), cut(c.Status), c.Node})
	}
	for _, tag := range i.Tags[:min(len(i.Tags), maxParts)] {
		out.Tags = append(out.Tags, cut(tag))
	}
	for _, e := range b.Endpoints[:min(len(b.Endpoints), maxParts)] {
		out.Endpoints = append(out.Endpoints, Endpoint{cut(e.Address), e.Health, e.Weight, e.Priority, e.Locality.Region, e.Locality.Zone})
	}
	out.Why, out.Remedy = whyOf(b, out, failing)
	return out
}

func (l loads) stateOf(b translate.Became) InstanceState {
	if b.Out != nil {
		return LeftOut
	}
	if first := b.Endpoints[0]; first.Health == "HEALTHY" && l.healthy[first.Priority] == 0 {
		return Reserve
	}
	return cmp.Or(map[string]InstanceState{"HEALTHY": Serving, "DEGRADED": Standby}[b.Endpoints[0].Health], NoTraffic)
}

// whyOf says why an instance takes no traffic, and what to do about it; nothing, if it takes some.
func whyOf(b translate.Became, i Instance, failing []catalog.Check) (why, remedy string) {
	switch {
	case i.State == LeftOut:
		return cut(b.Out.Detail), b.Out.Remedy
	case i.State == Serving:
		return "", ""
	case i.State == Reserve:
		return "those with a lower priority are used first", ""
	case b.Instance.Health == catalog.Maintenance:
		return "it is in maintenance", "end the maintenance mode of the service or its node: consul maint -disable"
	}
	var checks []string
	for _, c := range failing[:min(len(failing), maxWhy)] {
		checks = append(checks, fmt.Sprintf("check %s is %s", quote.Name(c.ID), quote.Name(c.Status)))
	}
	if more := len(failing) - maxWhy; more > 0 {
		checks = append(checks, fmt.Sprintf("%d more checks do not pass", more))
	}
	why = cmp.Or(strings.Join(checks, ", "), "it is "+i.Health)
	if i.State == Standby && i.Weights.Warning < 1 {
		why += ", and its warning weight is 0: it takes traffic only while no other is well"
	}
	return why, "look at what the check says: Consul has its output"
}

// maxWhy is how many checks are named as a reason.
const maxWhy = 3

// registeredAt is where an instance is registered.
func registeredAt(i catalog.Instance) string {
	if i.SocketPath != "" {
		return i.SocketPath
	}
	return net.JoinHostPort(i.Address, strconv.Itoa(i.Port))
}
