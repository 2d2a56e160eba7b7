package admin

import (
	"cmp"
	"fmt"
	"slices"

	"legate/translate"
	"legate/xdsserver"
)

// ofVain returns a concern for each name that clients ask for and Consul does not have. A stream
// lists only a few of its names; the concern says if there are more.
func ofVain(s Status) []concern {
	var all []concern
	at := map[translate.Name]int{}
	by := map[int][]string{} // the nodes of each concern
	for _, st := range s.Streams {
		for _, t := range st.Types {
			for _, m := range t.InVain {
				key := translate.Name{Type: t.Type, Name: m.Name}
				if _, known := at[key]; !known {
					at[key] = len(all)
					all = append(all, vainOf(key, m))
				}
				by[at[key]] = append(by[at[key]], nodeOf(st))
			}
			if hidden := t.InVainCount - len(t.InVain); hidden > 0 {
				all = append(all, concern{Key: "vain/" + t.Type + "/of/" + st.ID, Severity: warning,
					What:   plain(fmt.Sprintf("Envoy %s asks in vain for %s of %s more", nodeOf(st), short(t.Type), plural(hidden, "name"))),
					Remedy: "Check its configuration."})
			}
		}
	}
	for i, nodes := range by {
		slices.Sort(nodes)
		nodes = slices.Compact(nodes)
		if len(nodes) == 1 {
			all[i].What.After += " by Envoy " + nodes[0]
			continue
		}
		all[i].What.After += fmt.Sprintf(" by %d Envoys", len(nodes))
		for _, node := range nodes {
			all[i].Each = append(all[i].Each, plain(node))
		}
	}
	slices.SortStableFunc(all, func(a, b concern) int { return cmp.Compare(len(b.Each), len(a.Each)) })
	return all
}

func vainOf(n translate.Name, m xdsserver.Missing) concern {
	return concern{Key: "vain/" + n.Type + "/" + n.Name, Severity: warning, Of: "nodes",
		What:   ofResource(n.Type, n.Name).within("", " asked for in vain"),
		Detail: m.Why, Remedy: "Correct the name in that Envoy's configuration, or register the service."}
}
