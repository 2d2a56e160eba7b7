package admin

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
	"legate/internal/bridge"
	"legate/internal/quote"
	"legate/internal/suggest"
	"legate/translate"
	"legate/translate/policy"
	"legate/xdsserver"
)

// ServiceSummary is a service, or the cluster of a further port of one, in short.
type ServiceSummary struct {
	Name   string      `json:"name"`   // of the cluster
	Served bool        `json:"served"` // clients can have it
	Health HealthCount `json:"health"` // what Consul says of its instances
	// ProblemCount counts what is left out, held, and rejected of it, and mistakes in its policy.
	ProblemCount int `json:"problem_count"`
	// Changed is when Consul gave the answer by which it last changed; none: that is not known.
	Changed time.Time `json:"changed,omitzero"`
	Reach
}

// Reach says how many clients have a service.
type Reach struct {
	// Clients is how many streams ask for its cluster or its endpoints, and ClientsHave how many of these have acknowledged
	// what they ask for of it as it is now.
	Clients     int `json:"clients"`
	ClientsHave int `json:"clients_have"`
}

func reachOf(all map[string]xdsserver.Reach, name string) Reach {
	return Reach{all[name].Streams, all[name].Have}
}

// Traffic says in a sentence without its full stop whether it takes traffic, and whether all is well: good, warn or bad.
func (s *Service) Traffic() (mood, sentence string) {
	n := s.Total
	if where := s.where(); where != "" && s.Serving > 0 {
		return s.mood(), where
	}
	switch {
	case !s.Served:
		return "bad", "Not served: clients that ask for it get no endpoints"
	case n == 0:
		return "warn", "Served without endpoints: Consul has no instance of it"
	case s.Serving == 0:
		return "bad", fmt.Sprintf("None of %s takes traffic", plural(n, "instance"))
	case s.Reserve > 0 && s.Serving+s.Reserve == n:
		return "good", fmt.Sprintf("%d of %s take traffic, the others are in reserve", s.Serving, plural(n, "instance"))
	case s.Serving < n:
		return "warn", fmt.Sprintf("%d of %s take traffic", s.Serving, plural(n, "instance"))
	case n == 1:
		return "good", "Its one instance takes traffic"
	}
	return "good", fmt.Sprintf("All %s take traffic", plural(n, "instance"))
}

// Service says how a service, or a further port of one, is served, and why so.
type Service struct {
	ServiceSummary
	Service string   `json:"service"`           // whose name it is
	Port    string   `json:"port,omitempty"`    // which further port of that service it is
	Ports   []string `json:"ports"`             // the clusters of the service's further ports
	Serving int      `json:"serving"`           // how many instances take traffic
	Reserve int      `json:"reserve,omitempty"` // how many would, if those that are used first were not healthy
	// Sites are where its instances are, those first that are used first; none: in the own datacenter only.
	Sites     []ServiceSite `json:"sites,omitempty"`
	Paging                  // of the instances
	Instances []Instance    `json:"instances"` // those without traffic first
	// Deliveries say which clients have it as it is now.
	Deliveries []ServiceDelivery `json:"deliveries"`
	// Problems are the first of all.
	Problems []ServiceProblem `json:"problems"`
	// Policy is what holds for it; nothing, if it is not served.
	Policy *policy.Explanation `json:"policy,omitempty"`
	// Rollout is where it stands in a change of policy that goes out; none, if that does not touch it.
	Rollout *ServiceRollout `json:"rollout,omitempty"`
	// SeenFrom is the node for which the endpoints' priorities are; none: they are for nodes that stand nowhere.
	SeenFrom *SeenFrom `json:"seen_from,omitempty"`
}

// ServiceProblem is something about a service that an operator should look at.
type ServiceProblem struct {
	// Reason is a translate.Reason, held (Consul lost something of it, which is not believed yet), or rejected
	// (clients do).
	Reason   string   `json:"reason"`
	Instance string   `json:"instance,omitempty"` // node/id
	Nodes    []string `json:"nodes,omitempty"`    // some of those that reject it
	Detail   string   `json:"detail"`
	Remedy   string   `json:"remedy"`
}

// maxServiceProblems is how many problems of a service the API shows.
const maxServiceProblems = 1000

// trouble is what there is to look at about services.
type trouble struct {
	problems   []translate.Problem // of one service
	holds      []discovery.Hold
	rejections []*rejection
}

func (t trouble) count() int { return len(t.problems) + len(t.holds) + len(t.rejections) }

// trouble is that of all services, except what translation has to say.
func (s *Server) trouble() trouble {
	return trouble{holds: holdsOf(s.rooms.Consul), rejections: rejectionsOf(Status{Views: s.rooms.XDS.Views(), Streams: s.rooms.XDS.Streams()})}
}

// of is the trouble of one service and of its ports.
func (t trouble) of(service string, r translate.Resources) (of trouble) {
	for _, h := range t.holds {
		if h.Of() == service {
			of.holds = append(of.holds, h)
		}
	}
	for _, one := range t.rejections {
		if slices.Contains(r.ServicesOf(one.of), service) {
			of.rejections = append(of.rejections, one)
		}
	}
	return of
}

// serviceOf explains the cluster of that name; false if Consul has no such service, nor such a port of one.
func (s *Server) serviceOf(state bridge.State, name string, q query, from *SeenFrom) (Service, trouble, bool) {
	x, is := state.Resources.Explain(name)
	if !is {
		return Service{}, trouble{}, false
	}
	if from != nil {
		x, from = x.From(from.place()), from.of(x.Near)
	}
	t := s.trouble().of(x.Service, state.Resources)
	t.problems = x.Problems
	out := Service{
		ServiceSummary: ServiceSummary{Name: cut(x.Name), Served: x.Served, ProblemCount: t.count(), Changed: changedAt(state, x.Changed), Reach: reachOf(s.rooms.XDS.Reach(), name)},
		Service:        cut(x.Service), Port: cut(x.Port), Ports: []string{}, Instances: []Instance{}, Deliveries: s.deliveriesOf(name), Problems: problemsOf(t),
		SeenFrom: from,
	}
	by := loadsOf(x)
	out.Sites = sitesIn(x, by, state.View.Datacenter, SitesOf(s.rooms.Consul.Status()))
	for _, b := range x.Instances {
		out.Health.add(b.Instance.Health, 1)
		switch by.stateOf(b) {
		case Serving:
			out.Serving++
		case Reserve:
			out.Reserve++
		}
	}
	for _, p := range x.Ports {
		out.Ports = append(out.Ports, cut(p))
	}
	var rows []translate.Became
	out.Paging, rows = paged(q, byState(x, by))
	home, times := catalog.Site{Datacenter: state.View.Datacenter}, map[catalog.Site]healthTimes{}
	for _, b := range rows {
		i := instanceOf(b, by)
		health, known := times[b.Site]
		if !known {
			health = s.healthTimesOf(nameAt(x.Service, home, b.Site), state.Complete)
			times[b.Site] = health
		}
		if b.Site != home {
			i.Site = cut(b.Site.String())
		}
		i.HealthSince, i.HealthAtLeast = health.of(b.Instance.Node, b.Instance.ID)
		i.HealthAtLeast = i.HealthAtLeast && !i.HealthSince.IsZero()
		out.Instances = append(out.Instances, i)
	}
	if e, problems, served := state.Resources.Policy(name); served {
		explained := policy.Explain(cut(name), e, problems)
		for n := range explained.Problems {
			p := &explained.Problems[n]
			p.Source, p.Detail = cut(p.Source), cut(p.Detail)
		}
		out.Policy, out.Rollout = &explained, serviceRolloutOf(state, name)
	}
	return out, t, true
}

// changedAt is when a service changed, if that is known: all of them came with the first snapshot.
func changedAt(state bridge.State, at time.Time) time.Time {
	if !at.After(state.Complete) {
		return time.Time{}
	}
	return at
}

// problemsOf are the first problems of a service: those of all of it, then those of its instances.
func problemsOf(t trouble) []ServiceProblem {
	all := []ServiceProblem{} // [] in JSON, not null
	for _, r := range t.rejections {
		c := ofRejections([]*rejection{r})[0]
		all = append(all, ServiceProblem{Reason: "rejected", Nodes: r.someNodes(), Detail: cut(c.What.String() + ": " + c.Detail), Remedy: c.Remedy})
	}
	for _, h := range t.holds {
		all = append(all, ServiceProblem{Reason: "held", Detail: cut(heldIs(h)), Remedy: h.Remedy})
	}
	for _, instances := range []bool{false, true} {
		for _, p := range t.problems {
			if (p.Instance != "") == instances && len(all) < maxServiceProblems {
				all = append(all, ServiceProblem{Reason: string(p.Reason), Instance: cut(p.Instance), Detail: cut(p.Detail), Remedy: p.Remedy})
			}
		}
	}
	return all[:min(len(all), maxServiceProblems)]
}

// heldIs says what is held, and until when. It says the same as long as it is.
func heldIs(h discovery.Hold) string {
	until := "until Consul confirms it"
	if !h.Until.IsZero() {
		until = "until " + h.Until.UTC().Format(time.RFC3339) + " at the latest, if Consul still says so then"
	}
	return fmt.Sprintf("%s; since %s, %s", h, h.Since.UTC().Format(time.RFC3339), until)
}

// missingService says that there is no such service, and which one was probably meant.
func missingService(state bridge.State, name string) (sentence, near string) {
	var known []string
	for l := range state.Resources.Services() {
		if n := len(l.Name()) - len(name); len(name) <= maxGuess && -guessWithin <= n && n <= guessWithin {
			known = append(known, l.Name())
		}
	}
	return "Legate sees no service " + quote.Name(name) + " in Consul", suggest.Nearest(name, known)
}

// A name is only compared with others if it is not longer than maxGuess bytes, and with those of about its
// length: whoever asks chooses it, and must not make that expensive.
const (
	maxGuess    = 64
	guessWithin = 2
)

func (s *Server) service(w http.ResponseWriter, r *http.Request) {
	state, name := s.rooms.Bridge.State(), r.PathValue("name")
	if !state.Ready() {
		http.Error(w, "nothing is served yet: "+s.notReady(), http.StatusServiceUnavailable)
		return
	}
	q, err := readQuery(r, nil, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	from, err := s.seenFrom(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	one, _, is := s.serviceOf(state, name, q, from)
	if !is {
		said, near := missingService(state, name)
		said += "."
		if near != "" {
			said += " Did you mean " + quote.Name(near) + "?"
		}
		said += " " + s.whatHides(name)
		http.Error(w, said, http.StatusNotFound)
		return
	}
	s.answer(w, r, one)
}
