package changes

import (
	"cmp"
	"strings"

	"legate/discovery/catalog"
)

// OfService is what turns one value of a service into the other; nil: it is not there. The change has its lines, its
// counts of instances and its index. It costs what differs, and one comparison of each instance.
func OfService(from, to *catalog.Service) Change {
	d := differing{c: Change{Kind: Service}}
	var was, is catalog.Service
	if from != nil {
		was = *from
		d.c.Services = []string{from.Key.Name}
	}
	if to != nil {
		is = *to
		d.c.Services, d.c.Index = []string{to.Key.Name}, to.Index
	}
	switch {
	case from == nil && to != nil:
		d.line(Line{Op: Plus, What: "service"})
	case from != nil && to == nil:
		d.line(Line{Op: Minus, What: "service"})
	}
	d.instances(was.Instances, is.Instances)
	d.fields(hostFields(was.Hosts), hostFields(is.Hosts), Line{Op: Tilde})
	return d.c
}

// differing is a change in the making.
type differing struct {
	c     Change
	entry string // the config entry that it is about
}

// line takes in a line. Those beyond the bound are counted only.
func (d *differing) line(l Line) {
	if d.full() {
		d.c.More++
		return
	}
	d.c.Lines = append(d.c.Lines, l)
}

func (d *differing) full() bool { return len(d.c.Lines) == maxLines }

// instance takes in that an instance came or went.
func (d *differing) instance(op string, i *catalog.Instance) {
	if d.full() {
		d.c.More++ // a service can have thousands
		return
	}
	d.line(lineOf(op, i))
}

// instances compares instances, which are sorted.
func (d *differing) instances(was, is []catalog.Instance) {
	for len(was)+len(is) > 0 {
		order := -1
		if len(was) == 0 {
			order = 1
		} else if len(is) > 0 {
			if was[0].Equal(is[0]) { // as most are
				was, is = was[1:], is[1:]
				continue
			}
			order = compareKeys(&was[0], &is[0])
		}
		switch {
		case order < 0:
			d.c.Removed++
			d.instance(Minus, &was[0])
			was = was[1:]
		case order > 0:
			d.c.Added++
			d.instance(Plus, &is[0])
			is = is[1:]
		default:
			d.c.Altered++
			if d.full() {
				d.c.More++ // one, whatever differs in it
			} else {
				d.altered(&was[0], &is[0])
			}
			was, is = was[1:], is[1:]
		}
	}
}

// altered compares an instance with what it was.
func (d *differing) altered(was, is *catalog.Instance) {
	about := Line{Op: Tilde, Instance: name(is), Address: reached(is)}
	before, after := instanceFields(was, is)
	first := len(d.c.Lines)
	d.fields(before, after, about)
	if first < len(d.c.Lines) && d.c.Lines[first].What == healthField {
		d.c.Lines[first].Checks = failing(is)
	}
}

// fields compares two sorted lists.
func (d *differing) fields(was, is fields, about Line) {
	for len(was)+len(is) > 0 {
		l := about
		order := -1
		if len(was) == 0 {
			order = 1
		} else if len(is) > 0 {
			order = was[0].compare(is[0])
		}
		if order <= 0 {
			l.What, l.Key, l.From = was[0].what, was[0].key, was[0].value
			was = was[1:]
		}
		if order >= 0 {
			l.What, l.Key, l.To = is[0].what, is[0].key, is[0].value
			is = is[1:]
		}
		if l.From != l.To {
			d.line(l)
		}
	}
}

// maxTags is how many tags of a new instance are told.
const maxTags = 3

// lineOf is the line of an instance that came or went. What is usual of it is not said.
func lineOf(op string, i *catalog.Instance) Line {
	l := Line{Op: op, What: "instance", Instance: name(i), Address: reached(i)}
	var detail []string
	if z := zone(i.Locality); z != "" {
		detail = append(detail, "zone "+z)
	}
	if i.Weights != (catalog.Weights{Passing: 1, Warning: 1}) {
		detail = append(detail, "weight "+weight(i.Weights))
	}
	if i.Health != catalog.Passing {
		detail, l.Checks = append(detail, i.Health.String()), failing(i)
	}
	if len(i.Tags) > 0 && op == Plus {
		detail = append(detail, "tags "+strings.Join(cutAll(i.Tags[:min(len(i.Tags), maxTags)]), " "))
	}
	l.Detail = strings.Join(detail, ", ")
	return l
}

func compareKeys(a, b *catalog.Instance) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.ID, b.ID))
}

func name(i *catalog.Instance) string { return i.Node + "/" + i.ID }

// failing are the ids of the checks that do not pass.
func failing(i *catalog.Instance) (ids []string) {
	for _, c := range i.Checks {
		if c.Status != "passing" && len(ids) < maxChecks {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
