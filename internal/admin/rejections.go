package admin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"legate/internal/quote"
	"legate/translate"
	"legate/xdsserver"
)

// rejection is one resource and all the nodes that reject it. The name is empty while it is unknown
// which resource of a response is rejected.
type rejection struct {
	of      translate.Name
	nodes   map[string]string // the message of each node
	fault   bool              // the resource is at fault: several nodes reject it, and none accepts it
	serving string            // what the nodes get instead
	remedy  string            // if no change of a service helps
}

// ofRejections returns a concern for each resource that clients reject.
func ofRejections(rejections []*rejection) []concern {
	var all []concern
	for _, r := range rejections {
		why := r.commonest()
		c := concern{Key: "rejected/" + r.of.Type + "/" + r.of.Name, Severity: critical, What: r.what(), Detail: why, Of: "nodes",
			Remedy: r.mend()}
		if r.remedy != "" {
			c.Key, c.Remedy = "lost/"+r.of.Type+"/"+r.remedy, r.remedy
		}
		if r.fault {
			instead := "no version was accepted before, so a new Envoy has nothing"
			if r.serving != "" {
				instead = "each of them gets the last version that was accepted"
			}
			c.Detail = fmt.Sprintf("%s; accepted by none; %s", why, instead)
			c.Remedy = "Change the service in Consul so that Envoy can use it: each new version is sent to them again."
		}
		if mend := xdsserver.Mend(r.of.Type); mend != "" && r.remedy == "" {
			c.Detail, c.Remedy = why, mend
		}
		if r.of.Type == translate.AssignmentType && strings.Contains(why, ofLocalCluster) {
			c.Remedy = forLocalClusters
		}
		if len(r.nodes) > 1 {
			for _, node := range slices.Sorted(maps.Keys(r.nodes)) {
				if said := r.nodes[node]; said != why {
					node += ": " + said
				}
				c.Each = append(c.Each, plain(node))
			}
		}
		all = append(all, c)
	}
	return all
}

// What Envoy says of an assignment with priorities whose cluster is its local_cluster_name, and the remedy.
const (
	ofLocalCluster   = "non-zero priority for local cluster"
	forLocalClusters = "It is the service beside which these Envoys run (--local-cluster), and Envoy takes that with one priority only: give it failover: none and prefer: none in the policy."
)

// mend says where the mistake is that a client names.
func (r *rejection) mend() string {
	const kept = "They keep the version before. "
	if r.of.Type == translate.ClusterType && r.of.Name != "" {
		return kept + "Correct the field that they name: \"legate policy explain " + quote.Name(r.of.Name) + " --running\" says who set it. Or upgrade that Envoy."
	}
	return kept + "Correct what they name in the registration, or upgrade that Envoy: /debug/config_dump shows what was sent."
}

// ofUnfollowed returns a concern for each remedy for clients that take clusters and cannot use
// them.
func ofUnfollowed(s Status) []concern {
	var all []concern
	at := map[string]int{}
	for _, u := range s.Unfollowed {
		i, known := at[u.Remedy]
		if !known {
			i = len(all)
			at[u.Remedy] = i
			all = append(all, concern{Key: "unfollowed/" + u.Remedy, Severity: critical, Remedy: u.Remedy, Of: "nodes",
				Detail: "Clusters whose endpoints are never asked for stay empty: requests to them fail."})
		}
		all[i].Each = append(all[i].Each, plain(fmt.Sprintf("%s (%s, from %s), for %s", cmp.Or(u.Node, "no id"), u.Way, u.Peer, span(s.Now.Sub(u.Since)))))
	}
	for i := range all {
		all[i].What = plain(plural(len(all[i].Each), "client") + " took clusters and never asked for their endpoints")
	}
	return all
}

// rejectionsOf collects the rejections of streams and views, those by most nodes first.
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
			r.fault, r.serving = true, q.Serving
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
				r.of.Name = "" // it held the remedy, to get one rejection for each remedy
				r.nodes[nodeOf(st)], r.remedy = t.Rejection, t.Remedy
			}
		}
	}
	return slices.SortedFunc(maps.Values(known), func(a, b *rejection) int {
		return cmp.Or(cmp.Compare(len(b.nodes), len(a.nodes)), cmp.Compare(a.of.Type, b.of.Type), cmp.Compare(a.of.Name, b.of.Name))
	})
}

// what says in a sentence who rejects what.
func (r *rejection) what() phrase {
	resource := phrase{Before: short(r.of.Type)}
	if r.of.Name != "" {
		resource = ofResource(r.of.Type, r.of.Name)
	}
	who := fmt.Sprintf("%d Envoys reject", len(r.nodes))
	if len(r.nodes) == 1 {
		for node := range r.nodes {
			who = "Envoy " + node + " rejects"
		}
	}
	if r.fault {
		return resource.within("Accepted by none: ", ", which "+who)
	}
	return resource.within(who+" ", "")
}

// commonest returns the message of most nodes.
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

// maxNodes is how many of the nodes that reject a resource the API names.
const maxNodes = 10

// someNodes are the first of the nodes.
func (r *rejection) someNodes() []string {
	nodes := slices.Sorted(maps.Keys(r.nodes))
	return nodes[:min(len(nodes), maxNodes)]
}
