package cli

import (
	"fmt"
	"slices"
	"time"

	"legate/discovery"
	"legate/internal/changes"
)

// recordHolds returns a function that has losses recorded that begin or end to be held. Those of the same kind that come
// together are few changes.
func recordHolds(r *changes.Record) func([]discovery.HoldChange) {
	return func(all []discovery.HoldChange) {
		var alike []changes.Change
		at := map[string]int{} // in alike, by what happens
		for _, h := range all {
			l := lineOfHold(h, len(all) <= fewHolds)
			key := fmt.Sprint(l)
			n, known := at[key]
			if !known || len(alike[n].Services) == changes.MaxServices {
				n = len(alike)
				at[key], alike = n, append(alike, changes.Change{Kind: changes.Hold, At: time.Now(), Lines: []changes.Line{l}})
			}
			if of := h.Of(); of != "" && !slices.Contains(alike[n].Services, of) {
				alike[n].Services = append(alike[n].Services, of)
			}
		}
		r.Add(alike...)
	}
}

// fewHolds is how many holds that come together are recorded with all that is known of each.
const fewHolds = 10

func lineOfHold(h discovery.HoldChange, few bool) changes.Line {
	l := changes.Line{Op: changes.Plus, What: "hold", To: h.Why}
	if h.Outcome != "" {
		l = changes.Line{Op: changes.Minus, What: "hold", To: h.Outcome}
	}
	if few {
		l.Key = h.Entry
		switch {
		case h.Outcome != "":
			l.Detail = fmt.Sprintf("after %v", h.Held.Round(time.Millisecond))
		case h.Entry == "":
			l.Detail = fmt.Sprintf("%d of %d instances are kept", h.Kept, h.Served)
		}
	}
	return l
}

// recordReload records that a file was read again, or was rejected and why: then what was read before holds.
func recordReload(r *changes.Record, what, cause, rejected string) {
	l := changes.Line{Op: changes.Plus, What: what, To: "read again", Detail: cause}
	if rejected != "" {
		l = changes.Line{Op: changes.Minus, What: what, To: "rejected", Detail: cause + ": " + rejected}
	}
	r.Add(changes.Change{Kind: changes.Reload, At: time.Now(), Lines: []changes.Line{l}})
}
