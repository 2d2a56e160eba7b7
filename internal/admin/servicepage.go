package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"legate/discovery"
	"legate/internal/quote"
)

// servicePage is the data of a service's page.
type servicePage struct {
	Page head
	Service
	Concerns concerns
	Rows     []instanceRow
	Fields   []fieldRow
	Own      bool // Envoy itself decides as well which instances take traffic
	Pager    pager
	Clients  []deliveryRow
	Missing  []awaitedRow
	Recent   changeTable // its last changes
	Before   string      // leads to all of them
}

type instanceRow struct {
	Instance
	Mood, Says string // the state, as a mood and in words
}

// fieldRow is a field of the policy. While a change of policy goes out, the cluster may still have another value.
type fieldRow struct {
	Field, Value, Source string
	Still                string // empty: it has this one
}

const notSet = "not set"

// fieldsOf are the fields of a service's policy, and those that its cluster still has.
func fieldsOf(s Service) []fieldRow {
	var all []fieldRow
	still := map[string]string{}
	if s.Rollout != nil {
		for _, f := range s.Rollout.Still {
			still[f.Field] = quote.Text(cmp.Or(f.Has, notSet), quote.TextBytes)
			if f.Gets == "" {
				all = append(all, fieldRow{f.Field, notSet, quote.Text(f.Source, quote.TextBytes), still[f.Field]})
			}
		}
	}
	if s.Policy != nil {
		for _, f := range s.Policy.Fields {
			all = append(all, fieldRow{f.Field, quote.Text(strings.Trim(string(f.Value), `"`), quote.TextBytes), quote.Text(f.Source, quote.TextBytes), still[f.Field]})
		}
	}
	return all
}

func (s *Server) servicePage(w http.ResponseWriter, r *http.Request) {
	state, name := s.rooms.Bridge.State(), r.PathValue("name")
	q, err := readQuery(r, nil, nil)
	if err != nil {
		s.missing(w, http.StatusBadRequest, "services", "Services", "Nothing can be shown for this address: "+err.Error()+".", "", "")
		return
	}
	if !state.Ready() {
		s.missing(w, http.StatusServiceUnavailable, "services", quote.Name(name), "Not serving yet: "+s.notReady()+".", "", "")
		return
	}
	from, err := s.seenFrom(r)
	if err != nil {
		s.missing(w, http.StatusNotFound, "nodes", "Nodes", "Nothing can be shown for this address: "+err.Error()+".", "", "")
		return
	}
	q.node = r.URL.Query().Get("node")
	one, t, is := s.serviceOf(state, name, q, from)
	if !is {
		said, near := missingService(state, name)
		s.missing(w, http.StatusNotFound, "services", quote.Name(name), said+".", near, s.whatHides(name))
		return
	}
	v := servicePage{Page: s.head("services", quote.Name(name)), Service: one, Concerns: some(ofService(one, t, state.View.Datacenter, s.now())), Pager: pagerOf(q, one.Paging)}
	v.Page.Mood, v.Page.Verdict = v.verdict()
	if !s.rooms.Consul.Status().Connected {
		v.Page.Verdict += " As last known: Consul does not answer as it should."
	}
	for _, i := range one.Instances {
		mood, says := i.State.Words()
		v.Rows = append(v.Rows, instanceRow{i, mood, says})
	}
	v.Clients, v.Missing = deliveryRows(one.Deliveries, state)
	v.Fields = fieldsOf(one)
	v.Recent, v.Before = s.changesOfService(one.Service), "/changes?"+url.Values{"service": {one.Service}}.Encode()
	v.Own = slices.ContainsFunc(v.Fields, func(f fieldRow) bool {
		return f.Field == "health_checks" || strings.HasPrefix(f.Field, "outlier_detection.")
	})
	s.render(w, http.StatusOK, "service", v, "/api/v1"+servicePath(name))
}

// missing renders a page that says why there is nothing to show. here is the list to go on with.
func (s *Server) missing(w http.ResponseWriter, code int, here, title, sentence, near, note string) {
	v := missing{Page: s.head(here, title), Near: near, Note: note}
	v.Page.Mood, v.Page.Verdict = "bad", sentence
	s.render(w, code, "missing", v, "/api/v1/"+here)
}

// ofService returns what there is to look at about one service.
func ofService(one Service, t trouble, datacenter string, now time.Time) []concern {
	left := Status{Consul: discovery.Status{Datacenter: datacenter}}
	for _, p := range t.problems {
		left.Problems = append(left.Problems, problemOf(p))
	}
	all := slices.Concat(ofRejections(t.rejections), ofHolds(t.holds, now), ofLeftOut(left))
	for i := range all {
		if all[i].What.Service == one.Name { // it is this page
			all[i].What = plain(all[i].What.String())
		}
	}
	return shownAs(all)
}

// ofHolds returns a concern for each loss that is not believed yet.
func ofHolds(holds []discovery.Hold, now time.Time) []concern {
	var all []concern
	for _, h := range holds {
		all = append(all, concern{Key: "held/" + h.Name() + "/" + h.Why, Severity: warning, What: plain("Held: " + lost(h.Why)),
			Detail: fmt.Sprintf("%s, since %s. It is believed %s.", h, ago(now, h.Since), h.Ends(now)), Remedy: h.Remedy})
	}
	return all
}

// Words are a mood (good, warn, bad) and words for the state.
func (s InstanceState) Words() (mood, says string) {
	switch s {
	case Serving:
		return "good", "takes traffic"
	case Reserve:
		return "good", "in reserve"
	case Standby:
		return "warn", "stands by"
	case NoTraffic:
		return "warn", "no traffic"
	default:
		return "bad", "left out"
	}
}

// verdict sums up the page in a sentence.
func (v servicePage) verdict() (mood, sentence string) {
	mood, sentence = v.Traffic()
	things := len(v.Concerns.Shown) + v.Concerns.Hidden
	if things == 0 {
		return mood, sentence + "."
	}
	if v.Concerns.Shown[0].Severity == critical {
		mood = "bad"
	} else if mood == "good" {
		mood = "warn"
	}
	return mood, fmt.Sprintf("%s, with %s to look at.", sentence, plural(things, "thing"))
}
