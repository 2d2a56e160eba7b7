package admin

import (
	"strings"

	"legate/internal/quote"
	"legate/translate"
)

// phrase is a text that may name a service: the page makes a link of the name.
type phrase struct {
	Before  string
	Service string // empty: it names none
	After   string
}

func plain(s string) phrase { return phrase{Before: s} }

// ofResource names a resource. The name of a cluster and of an assignment is that of a service.
func ofResource(typeURL, name string) phrase {
	p := phrase{Before: short(typeURL) + " of "}
	if typeURL == translate.ClusterType || typeURL == translate.AssignmentType {
		p.Service = name
	} else {
		p.After = quote.Name(name)
	}
	return p
}

// within is the phrase between two texts.
func (p phrase) within(before, after string) phrase {
	return phrase{before + p.Before, p.Service, p.After + after}
}

// String is the phrase as text.
func (p phrase) String() string {
	if p.Service == "" {
		return p.Before + p.After
	}
	return p.Before + quote.Name(p.Service) + p.After
}

// shown is the phrase with text of a bounded length. The name is bounded where it is shown.
func (p phrase) shown(most int) phrase {
	p.Before, p.After = quote.Text(p.Before, most), quote.Text(p.After, most)
	return p
}

// nameIn is the name by which clients in a datacenter ask for the service whose key is written as text; false if the
// datacenter is not known.
func nameIn(key, datacenter string) (name string, is bool) {
	return strings.TrimSuffix(key, "."+datacenter), datacenter != ""
}
