package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/internal/quote"
)

// concern is a box on the page: something that a person should look at. One trouble is one box, with a
// list of all that have it behind a link.
type concern struct {
	Key      string // names the trouble: the same at each refresh
	Severity severity
	What     string
	Detail   string
	Remedy   string
	Each     []string // who or what has the trouble
	Of       string   // what those are, in the plural
	More     int      // how many more have it than Each lists
}

// Count is how many have the trouble.
func (c concern) Count() int { return len(c.Each) + c.More }

// severity is the same as that of the alert for the same trouble (examples/grafana/legate.rules.yml).
type severity string

const (
	critical severity = "critical" // clients are, or soon will be, wrong
	warning  severity = "warning"  // to look at today
)

// maxEach is how many a concern lists.
const maxEach = 200

// away is how long Consul may be silent before that is critical, as it is for the alert.
const away = 3 * time.Minute

// recently is how long the page speaks of a client that was refused.
const recently = 10 * time.Minute

// concernsOf lists what is not well, the gravest first.
func concernsOf(s Status) []concern {
	all := slices.Concat(ofConsul(s), ofItself(s), ofDisk(s), ofRejections(s), ofUnfollowed(s), ofVain(s), ofOversize(s), ofRefusals(s), ofLeftOut(s))
	slices.SortStableFunc(all, func(a, b concern) int { return cmp.Compare(a.Severity, b.Severity) }) // critical < warning
	for i := range all {
		c := &all[i]
		if len(c.Each) > maxEach {
			c.More, c.Each = len(c.Each)-maxEach, c.Each[:maxEach]
		}
		for _, said := range []*string{&c.Key, &c.What, &c.Detail, &c.Remedy} {
			*said = quote.Text(*said, quote.TextBytes)
		}
		for j := range c.Each {
			c.Each[j] = quote.Text(c.Each[j], 2*quote.NameBytes)
		}
	}
	return all
}

// ofConsul is discovery's problems, and a Consul that has been silent for long.
func ofConsul(s Status) []concern {
	var all []concern
	if silent := s.Now.Sub(s.Consul.LastSuccess); s.Ready && s.Stale == "" && silent > away {
		all = append(all, concern{Key: "away", Severity: critical, What: "Consul has said nothing that is believed for " + span(silent),
			Detail: "What was last believed is served. Nobody loses endpoints, and nobody hears of a change.",
			Remedy: "Look at the Consul agent, and at what stands between."})
	}
	for _, p := range s.Consul.Problems {
		c := concern{Key: "consul/" + p.Kind, Severity: warning, What: titleOf(p), Detail: p.Detail, Remedy: p.Remedy}
		if p.Kind == "mass_critical" || p.Kind == "held_datacenter" {
			c.Severity = critical
		}
		all = append(all, c)
	}
	return all
}

// titleOf names a problem of discovery, and says how many services or queries have it.
func titleOf(p catalog.Problem) string {
	what := "Consul: " + strings.ReplaceAll(p.Kind, "_", " ")
	if why, held := strings.CutPrefix(p.Kind, "held_"); held {
		what = "Held: " + lost(why)
	}
	switch {
	case p.Services > 0:
		what += " (" + plural(p.Services, "service") + ")"
	case p.Queries > 0:
		what += " (" + plural(p.Queries, "query") + ")"
	}
	return what
}

// ofDisk is the last known catalog: that it is what is served, or cannot be kept.
func ofDisk(s Status) []concern {
	var all []concern
	if s.Stale != "" {
		all = append(all, concern{Key: "stale", Severity: critical, What: "Stale: not read from Consul since the start", Detail: s.Stale,
			Remedy: "Nothing that changes in Consul reaches Envoy until Consul was read completely."})
	}
	if bad := cmp.Or(s.LastKnown.Unwritten, s.LastKnown.Unusable, s.LastKnown.Exposed); bad != "" {
		all = append(all, concern{Key: "disk", Severity: warning, What: "Last known catalog on disk", Detail: s.LastKnown.File + " " + bad})
	}
	return all
}

// ofRefusals is the limits that clients met of late.
func ofRefusals(s Status) []concern {
	var all []concern
	for _, r := range s.Refused {
		if r.Count > 0 && s.Now.Sub(r.Last) < recently {
			all = append(all, concern{Key: "refused/" + r.Limit, Severity: warning, What: "Clients were refused: " + strings.ReplaceAll(r.Limit, "_", " "),
				Detail: fmt.Sprintf("%s so far, the last %s from %s: %s", plural(int(r.Count), "time"), ago(s.Now, r.Last), r.From, r.Detail), Remedy: r.Remedy})
		}
	}
	return all
}

// ofOversize is the responses that were too large of late.
func ofOversize(s Status) []concern {
	var all []concern
	for _, o := range s.Oversized {
		if s.Now.Sub(o.Last) >= recently {
			continue
		}
		what := "all " + short(o.Type)
		if o.Name != "" {
			what = short(o.Type) + " of " + o.Name
		}
		all = append(all, concern{Key: "oversize/" + o.Type + "/" + o.Protocol, Severity: warning,
			What:   fmt.Sprintf("A response with %s has %.1f MiB and cannot be split (%s)", what, float64(o.Bytes)/(1<<20), o.Protocol),
			Detail: fmt.Sprintf("%s so far, the last %s to %s. A client that takes less in one message ends its stream, and comes again.", plural(int(o.Count), "time"), ago(s.Now, o.Last), o.Node),
			Remedy: o.Remedy})
	}
	return all
}

// ofLeftOut is the services and instances that translation leaves out, a box for each reason.
func ofLeftOut(s Status) []concern {
	var all []concern
	at := map[string]int{}
	for _, p := range s.Problems {
		where := quote.Name(p.Service)
		if p.Instance != "" {
			where += ", instance " + quote.Name(p.Instance)
		}
		key := "left_out/" + string(p.Reason)
		if _, known := at[key]; !known {
			at[key] = len(all)
			all = append(all, concern{Key: key, Severity: warning, What: "Left out: " + where, Detail: p.Detail, Remedy: p.Remedy, Of: "left out"})
		}
		c := &all[at[key]]
		c.Each = append(c.Each, where+": "+p.Detail)
	}
	for i := range all {
		c := &all[i]
		if len(c.Each) == 1 {
			c.Each = nil
			continue
		}
		c.Detail = "For example " + c.Each[0]
		c.What = "Left out: " + countsOf(s, c.Key)
	}
	return all
}

// countsOf says how many services and instances are left out for one reason.
func countsOf(s Status, key string) string {
	services, instances, reason := 0, 0, strings.TrimPrefix(key, "left_out/")
	for _, p := range s.Problems {
		switch {
		case string(p.Reason) != reason:
		case p.Instance == "":
			services++
		default:
			instances++
		}
	}
	var counts []string
	if services > 0 {
		counts = append(counts, plural(services, "service"))
	}
	if instances > 0 {
		counts = append(counts, plural(instances, "instance"))
	}
	return strings.Join(counts, " and ") + " (" + strings.ReplaceAll(reason, "_", " ") + ")"
}
