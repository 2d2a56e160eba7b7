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
	for _, st := range s.Streams {
		for _, t := range st.Types {
			for _, m := range t.InVain {
				key := translate.Name{Type: t.Type, Name: m.Name}
				if _, known := at[key]; !known {
					at[key] = len(all)
					all = append(all, vainOf(key, m))
				}
				c := &all[at[key]]
				c.Each = append(c.Each, nodeOf(st))
			}
			if hidden := t.InVainCount - len(t.InVain); hidden > 0 {
				all = append(all, concern{Key: "vain/" + t.Type + "/of/" + st.ID, Severity: warning,
					What:   fmt.Sprintf("Envoy %s asks in vain for %s of %s more", nodeOf(st), short(t.Type), plural(hidden, "name")),
					Remedy: "Check its configuration."})
			}
		}
	}
	for i := range all {
		c := &all[i]
		slices.Sort(c.Each)
		if c.Each = slices.Compact(c.Each); len(c.Each) == 1 {
			c.What += " by Envoy " + c.Each[0]
			c.Each = nil
		} else if len(c.Each) > 1 {
			c.What += fmt.Sprintf(" by %d Envoys", len(c.Each))
		}
	}
	slices.SortStableFunc(all, func(a, b concern) int { return cmp.Compare(len(b.Each), len(a.Each)) })
	return all
}

func vainOf(n translate.Name, m xdsserver.Missing) concern {
	return concern{Key: "vain/" + n.Type + "/" + n.Name, Severity: warning, Of: "nodes",
		What:   fmt.Sprintf("%s of %q asked for in vain", short(n.Type), n.Name),
		Detail: m.Why, Remedy: "Correct the name in that Envoy's configuration, or register the service."}
}
