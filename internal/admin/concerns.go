package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/internal/quote"
	"legate/translate"
)

// concern is a box on the page: something that an operator should look at. Each kind of trouble has
// one box, with a link to the list of everything that has it.
type concern struct {
	Key      string // identifies the trouble across refreshes
	Severity severity
	What     phrase
	Detail   string
	Remedy   string
	Each     []phrase // the services, nodes, … that have the trouble
	Of       string   // what Each lists, in the plural
	More     int      // how many are missing in Each
}

// Count returns how many have the trouble.
func (c concern) Count() int { return len(c.Each) + c.More }

// severity is that of the alert for the same trouble (examples/grafana/legate.rules.yml).
type severity string

const (
	critical severity = "critical" // clients have wrong data, or soon will
	warning  severity = "warning"  // to be looked at today
)

// maxEach is the maximum length of concern.Each.
const maxEach = 200

// silenceCritical is how long Consul may be silent before that is critical, as in the alert.
const silenceCritical = 3 * time.Minute

// shownFor is how long the page mentions a refused client.
const shownFor = 10 * time.Minute

// concernsOf lists what is wrong, critical concerns first.
func concernsOf(s Status) []concern {
	return shownAs(slices.Concat(ofConsul(s), ofSites(s), ofItself(s), ofDisk(s), ofRejections(rejectionsOf(s)), ofRollout(s), ofUnfollowed(s), ofVain(s), ofOversize(s), ofRefusals(s), ofLeftOut(s)))
}

// shownAs sorts concerns by severity, and bounds the length of what they say.
func shownAs(all []concern) []concern {
	slices.SortStableFunc(all, func(a, b concern) int { return cmp.Compare(a.Severity, b.Severity) }) // critical < warning
	for i := range all {
		c := &all[i]
		if len(c.Each) > maxEach {
			c.More, c.Each = len(c.Each)-maxEach, c.Each[:maxEach]
		}
		for _, said := range []*string{&c.Key, &c.Detail, &c.Remedy} {
			*said = quote.Text(*said, quote.TextBytes)
		}
		c.What = c.What.shown(quote.TextBytes)
		for j := range c.Each {
			c.Each[j] = c.Each[j].shown(2 * quote.NameBytes)
		}
	}
	return all
}

// ofConsul returns the problems of discovery, and a Consul that has been silent for long.
func ofConsul(s Status) []concern {
	var all []concern
	if silent := s.Now.Sub(s.Consul.LastSuccess); s.Ready && s.Stale == "" && silent > silenceCritical {
		all = append(all, concern{Key: "away", Severity: critical, What: plain("Consul has given no believed answer for " + span(silent)),
			Detail: "The last believed catalog stays served. No client loses endpoints, but none learns of changes.",
			Remedy: "Check the Consul agent, and what is in between."})
	}
	return append(all, ofProblems("", ownProblems(s.Consul))...)
}

// ofProblems returns the problems of discovery at a site; empty: the own datacenter.
func ofProblems(site string, problems []catalog.Problem) []concern {
	var all []concern
	for _, p := range problems {
		c := concern{Key: keyOf(site, p), Severity: warning, What: plain(titleOf(site, p)), Detail: p.Detail, Remedy: p.Remedy}
		if p.Kind == "mass_critical" || p.Kind == "held_datacenter" {
			c.Severity = critical
		}
		all = append(all, c)
	}
	return all
}

// keyOf is the key of the concern about a problem of discovery.
func keyOf(site string, p catalog.Problem) string {
	if site == "" {
		return "consul/" + p.Kind
	}
	return "site/" + site + "/" + p.Kind
}

// titleOf names a problem of discovery, with the number of services, entries or queries that have it, and its site if that
// is not the own datacenter.
func titleOf(site string, p catalog.Problem) string {
	what := "Consul: " + strings.ReplaceAll(p.Kind, "_", " ")
	if why, held := strings.CutPrefix(p.Kind, "held_"); held {
		what = "Held: " + lost(why)
	}
	if site != "" {
		_, said, _ := strings.Cut(what, ": ")
		what = quote.Name(site) + ": " + said
		if strings.HasPrefix(p.Kind, "held_") {
			what = quote.Name(site) + ": held: " + said
		}
	}
	switch {
	case strings.HasPrefix(p.Kind, "held_entr"):
		what += " (" + plural(p.Services, "entry") + ")"
	case p.Services > 0:
		what += " (" + plural(p.Services, "service") + ")"
	case p.Queries > 0:
		what += " (" + plural(p.Queries, "query") + ")"
	}
	return what
}

// ofDisk reports a last known catalog that is served or cannot be kept.
func ofDisk(s Status) []concern {
	var all []concern
	if s.Stale != "" {
		all = append(all, concern{Key: "stale", Severity: critical, What: plain("Stale: not read from Consul since the start"), Detail: s.Stale,
			Remedy: "Changes in Consul reach Envoy only once Consul has been read completely."})
	}
	if bad := cmp.Or(s.LastKnown.Unwritten, s.LastKnown.Unusable, s.LastKnown.Exposed); bad != "" {
		all = append(all, concern{Key: "disk", Severity: warning, What: plain("Last known catalog on disk"), Detail: s.LastKnown.File + " " + bad})
	}
	return all
}

// ofRollout reports a change of policy that goes out no further.
func ofRollout(s Status) []concern {
	r := s.Rollout
	if r == nil || r.Paused.IsZero() {
		return nil
	}
	c := concern{Key: "rollout", Severity: warning, Of: "rejected", Remedy: r.Remedy,
		What: plain(fmt.Sprintf("A change of policy goes out no further: %s of %s have it", strconv.Itoa(r.Changed), plural(r.Total(), "cluster"))),
		Detail: fmt.Sprintf("For %s, more clients reject what it changed (%d) than take it (%d); %d have not answered, or were sent nothing of it. So the other clusters keep their old policy.",
			span(s.Now.Sub(r.Paused)), r.Against, r.For, r.Silent)}
	for _, one := range r.Rejected {
		c.Each = append(c.Each, ofResource(one.Type, one.Name).within("", fmt.Sprintf(", by %s at %s: %s", one.Node, one.Client, one.Reason)))
	}
	return []concern{c}
}

// ofRefusals returns the limits that clients met recently.
func ofRefusals(s Status) []concern {
	var all []concern
	for _, r := range s.Refused {
		if r.Count > 0 && s.Now.Sub(r.Last) < shownFor {
			all = append(all, concern{Key: "refused/" + r.Limit, Severity: warning, What: plain("Clients were refused: " + strings.ReplaceAll(r.Limit, "_", " ")),
				Detail: fmt.Sprintf("%s so far, the last %s from %s: %s", plural(int(r.Count), "time"), ago(s.Now, r.Last), r.From, r.Detail), Remedy: r.Remedy})
		}
	}
	return all
}

// ofOversize returns the recent responses that were too large.
func ofOversize(s Status) []concern {
	var all []concern
	for _, o := range s.Oversized {
		if s.Now.Sub(o.Last) >= shownFor {
			continue
		}
		what := plain("all " + short(o.Type))
		if o.Name != "" {
			what = ofResource(o.Type, o.Name)
		}
		what = what.within("A response with ", fmt.Sprintf(" has %.1f MiB and cannot be split (%s)", float64(o.Bytes)/(1<<20), o.Protocol))
		all = append(all, concern{Key: "oversize/" + o.Type + "/" + o.Protocol, Severity: warning,
			What:   what,
			Detail: fmt.Sprintf("%s so far, the last %s to %s. A client with a lower limit ends its stream and reconnects.", plural(int(o.Count), "time"), ago(s.Now, o.Last), o.Node),
			Remedy: o.Remedy})
	}
	return all
}

// ofLeftOut returns one concern for each reason for which translation leaves out services, instances, or a part of
// the policy of a service.
func ofLeftOut(s Status) []concern {
	var all []concern
	at := map[string]int{}
	for _, p := range s.Problems {
		where := phrase{Before: quote.Name(p.Service)}
		if name, is := nameIn(p.Service, s.Consul.Datacenter); is {
			where = phrase{Service: name}
		}
		if p.Instance != "" {
			where.After = ", instance " + quote.Name(p.Instance)
		}
		key := "left_out/" + string(p.Reason)
		if _, known := at[key]; !known {
			at[key] = len(all)
			of := "left out"
			if p.Reason == translate.BadPolicy {
				of = "services"
			}
			all = append(all, concern{Key: key, Severity: warning, What: where.within(leftOut(p.Reason), ""), Detail: p.Detail, Remedy: p.Remedy, Of: of})
		}
		c := &all[at[key]]
		c.Each = append(c.Each, where.within("", ": "+p.Detail))
	}
	for i := range all {
		c := &all[i]
		if len(c.Each) == 1 {
			c.Each = nil
			continue
		}
		c.Detail = "For example " + c.Each[0].String()
		c.What = plain(leftOut(translate.Reason(strings.TrimPrefix(c.Key, "left_out/"))) + countsOf(s, c.Key))
	}
	return all
}

// leftOut says what is left out for a reason.
func leftOut(why translate.Reason) string {
	if why == translate.BadPolicy {
		return "Served without a part of the policy: "
	}
	return "Left out: "
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
