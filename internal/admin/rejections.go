package admin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"legate/translate"
	"legate/xdsserver"
)

// rejection is one resource, and all who reject it. Its name is empty while the clients' answers
// have not told yet which one it is.
type rejection struct {
	of      translate.Name
	nodes   map[string]string // what each of them said
	kept    bool              // back from all
	serving string            // and what is served instead
	remedy  string            // where no change of a service helps
}

// ofRejections is what clients reject, resource by resource.
func ofRejections(s Status) []concern {
	var all []concern
	for _, r := range rejectionsOf(s) {
		why := r.commonest()
		c := concern{Key: "rejected/" + r.of.Type + "/" + r.of.Name, Severity: critical, What: r.what(), Detail: why, Of: "nodes",
			Remedy: "They keep the old version of what they rejected. See /debug/config_dump for what was sent, and the log of one of them."}
		if r.remedy != "" {
			c.Key, c.Remedy = "lost/"+r.of.Type+"/"+r.remedy, r.remedy
		}
		if r.kept {
			instead := "nothing is served instead"
			if r.serving != "" {
				instead = "the last version that was accepted is served instead"
			}
			c.Detail = fmt.Sprintf("%s; accepted by none; %s", why, instead)
			c.Remedy = "Change the service in Consul so that Envoy can use it: it is served again as soon as it changes."
		}
		if len(r.nodes) > 1 {
			for _, node := range slices.Sorted(maps.Keys(r.nodes)) {
				if said := r.nodes[node]; said != why {
					node += ": " + said
				}
				c.Each = append(c.Each, node)
			}
		}
		all = append(all, c)
	}
	return all
}

// rejectionsOf gathers what the streams and the views know, those that most reject first.
func rejectionsOf(s Status) []*rejection {
	known := map[translate.Name]*rejection{}
	of := func(typeURL, name string) *rejection {
		key := translate.Name{Type: typeURL, Name: name}
		if known[key] == nil {
			known[key] = &rejection{of: key, nodes: map[string]string{}}
		}
		return known[key]
	}
	for _, v := range s.Views {
		for _, q := range v.Quarantined {
			r := of(q.Type, q.Name)
			r.kept, r.serving = true, q.Serving
			for _, node := range q.Nodes {
				r.nodes[node] = q.Reason
			}
		}
	}
	for _, st := range s.Streams {
		for _, t := range st.Types {
			if t.State != xdsserver.Nacked {
				continue
			}
			for name, why := range t.Rejected {
				of(t.Type, name).nodes[nodeOf(st)] = why
			}
			if len(t.Rejected) == 0 {
				r := of(t.Type, t.Remedy)
				r.of.Name = "" // only to tell apart those whom something else helps
				r.nodes[nodeOf(st)], r.remedy = t.Rejection, t.Remedy
			}
		}
	}
	return slices.SortedFunc(maps.Values(known), func(a, b *rejection) int {
		return cmp.Or(cmp.Compare(len(b.nodes), len(a.nodes)), cmp.Compare(a.of.Type, b.of.Type), cmp.Compare(a.of.Name, b.of.Name))
	})
}

// what says who rejects what.
func (r *rejection) what() string {
	resource := short(r.of.Type)
	if r.of.Name != "" {
		resource += " of " + r.of.Name
	}
	who := fmt.Sprintf("%d Envoys reject", len(r.nodes))
	if len(r.nodes) == 1 {
		for node := range r.nodes {
			who = "Envoy " + node + " rejects"
		}
	}
	if r.kept {
		return "Kept back from all: " + resource + ", which " + who
	}
	return who + " " + resource
}

// commonest is what most of them said.
func (r *rejection) commonest() string {
	count := map[string]int{}
	for _, said := range r.nodes {
		count[said]++
	}
	most := ""
	for _, said := range slices.Sorted(maps.Keys(count)) {
		if count[said] > count[most] {
			most = said
		}
	}
	return most
}

func nodeOf(st xdsserver.StreamStatus) string { return cmp.Or(st.Node, st.Peer, st.ID) }
