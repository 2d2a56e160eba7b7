package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"legate/internal/quote"
)

// Side is one that has services, or serves them.
type Side struct {
	Name     string // Consul, Legate, Envoy edge-1
	Verb     string // has or serves
	Services map[string]Service
}

// Fault is a difference between a side and the one that it follows. The side is wrong: Consul knows what there is, Legate
// follows Consul, and an Envoy follows Legate.
type Fault struct {
	Side    string `json:"side"`    // that is wrong
	Against string `json:"against"` // that it follows
	Change         // from what it should have to what it has
	Note    string `json:"note,omitempty"` // why that may be right for now

	verb, verbAgainst string
}

// Faults are the differences of a side from the one that it follows, by service.
func Faults(side, against Side) []Fault {
	var all []Fault
	names := slices.AppendSeq(slices.Collect(maps.Keys(against.Services)), maps.Keys(side.Services))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		for _, c := range Changes(name, against.Services[name], side.Services[name]) {
			all = append(all, Fault{Side: side.Name, Against: against.Name, Change: c, verb: side.Verb, verbAgainst: against.Verb})
		}
	}
	return all
}

// Lasting are those faults of the second look that the first one saw at the same place, with the wrong side unchanged there.
// What moved in between was on its way.
func Lasting(first, second []Fault) []Fault {
	seen := make(map[string]bool, len(first))
	for _, f := range first {
		seen[f.has()] = true
	}
	var all []Fault
	for _, f := range second {
		if seen[f.has()] {
			all = append(all, f)
		}
	}
	return all
}

// has says what the wrong side has at the place of the fault.
func (f Fault) has() string {
	place := []string{f.Side, string(f.Sign), f.Service, f.Of}
	if f.Endpoint != nil {
		place = append(place, f.Endpoint.Address)
		if f.Sign != Removed {
			place = append(place, f.Endpoint.Health, f.Endpoint.Words())
		}
	}
	for _, one := range f.Fields {
		place = append(place, one.Name, one.To)
	}
	return fmt.Sprintf("%q", place)
}

// String is the fault as a line. It begins with the side that is wrong.
func (f Fault) String() string {
	side, against := quote.Text(f.Side, quote.NameBytes), quote.Text(f.Against, quote.NameBytes)
	what := "cluster " + quote.Name(f.Service)
	switch {
	case f.Of == ofAssignment:
		what = "the endpoints of " + quote.Name(f.Service)
	case f.Endpoint != nil:
		what = quote.Name(f.Service) + " " + endpointName(*f.Endpoint)
	}
	line := ""
	switch f.Sign {
	case Removed:
		line = fmt.Sprintf("%s lacks %s, which %s %s", side, what, against, f.verbAgainst)
	case Added:
		line = fmt.Sprintf("%s still %s %s, which %s does not %s", side, f.verb, what, against, infinitive(f.verbAgainst))
	default:
		has, should := f.values()
		line = fmt.Sprintf("%s %s %s with %s, which %s %s with %s", side, f.verb, what, has, against, f.verbAgainst, should)
	}
	if f.Note != "" {
		line += " (" + quote.Text(f.Note, quote.TextBytes) + ")"
	}
	return line
}

func infinitive(verb string) string {
	if verb == "has" {
		return "have"
	}
	return strings.TrimSuffix(verb, "s")
}

// values are those that the wrong side has, and those that it should have.
func (f Fault) values() (has, should string) {
	var is, want []string
	for _, one := range f.Fields {
		name := quote.Text(one.Name, quote.NameBytes) + " "
		is, want = append(is, name+orUnset(one.To)), append(want, name+orUnset(one.From))
	}
	return strings.Join(is, ", "), strings.Join(want, ", ")
}
