package discovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Consul lists names for which it will not answer. There are two kinds. Some cannot be asked for at
// all, because they are not printable: leaveOut. For others the question is refused (4xx) while the
// same question about other names is answered: ask finds that out, and owner.refused has them.

// leaveOut puts the listed names that cannot be asked for into the catalog, without instances.
// Translation then reports that they are not served, and why. They have no query, so nothing waits
// for them.
func (o *owner) leaveOut(e listed) {
	for key := range o.catalog {
		tags, there := e.names[key.Name]
		if left := there && o.selection.Matches(key.Name, tags); !left && !key.Askable() {
			o.unset(key, e.at)
		}
	}
	for name, tags := range e.names {
		key := catalog.ServiceKey{Datacenter: o.datacenter, Name: name}
		if !key.Askable() && o.selection.Matches(name, tags) {
			o.set(catalog.Service{Key: key}, e.at)
		}
	}
}

// refusedAlone is the error of a question that is refused because of the name in it: the same about
// another name is answered.
type refusedAlone struct{ error }

func (e refusedAlone) Unwrap() error { return e.error }

// ask asks a question about a service. If that is refused, ask finds out whether the name is the cause:
// it is, if the same question about Consul's own service is answered, and this one is refused once
// more after that. With known, the name is the cause already, and that is not tried again.
func (w *Watcher) ask(ctx context.Context, key catalog.ServiceKey, q *query[consul.Reading], block, known bool) (found[consul.Reading], error) {
	got, err := q.next(ctx, block)
	if !consul.IsRefusal(err) {
		return got, err
	}
	if !known {
		own := catalog.ServiceKey{Datacenter: key.Datacenter, Name: catalog.ConsulService}
		if _, _, other := w.askHealth(ctx, own, consul.Question{Consistent: true}); other != nil {
			return got, err
		}
		if got, err = q.next(ctx, false); !consul.IsRefusal(err) {
			return got, err
		}
	}
	return got, refusedAlone{err}
}

// failed reports a question about f that failed: as trouble with f's name alone, or with Consul.
func (w *Watcher) failed(loop string, f *followed, err error) {
	if alone := (refusedAlone{}); errors.As(err, &alone) {
		w.trouble.forget(loop, time.Now())
		w.tell(f.ctx, refusedName{f: f, err: alone.error, at: time.Now()})
		return
	}
	w.trouble.failed(loop, err, time.Now())
}

// refusedName is the event that Consul refuses to answer for a service's name.
type refusedName struct {
	f   *followed
	err error
	at  time.Time
}

func (e refusedName) apply(o *owner) {
	f := e.f
	if _, known := o.refused[f]; known || o.follow[f.key.Name] != f {
		return
	}
	o.refused[f] = e
	if !f.read {
		o.unanswered++
	}
	_, served := o.catalog[f.key]
	if o.lines.refused.line("refused", e.at) {
		o.w.log.Warn(refusedText, "service", f.key.Name, "served_as_last_known", served, "error", e.err, "remedy", refusedRemedy)
	}
	o.finish()
}

// answered takes f out of the refused ones: it was answered, or is no longer followed.
func (o *owner) answered(f *followed) {
	if _, was := o.refused[f]; !was {
		return
	}
	delete(o.refused, f)
	if !f.read {
		o.unanswered--
	}
}

const (
	refusedText   = "consul lists a service and refuses to answer for it, going on with all others"
	refusedRemedy = "register it under a plain name, look at what stands between that refuses this path, or leave it out with --exclude"
)

// refusedProblem names the services for which Consul does not answer; nil if there are none.
func (o *owner) refusedProblem() *catalog.Problem {
	if len(o.refused) == 0 {
		return nil
	}
	p := &catalog.Problem{Kind: "refused_names", Services: len(o.refused), Remedy: refusedRemedy}
	all := slices.SortedFunc(maps.Keys(o.refused), func(a, b *followed) int { return a.key.Compare(b.key) })
	var names []string
	for i, f := range all {
		if at := o.refused[f].at; p.Since.IsZero() || at.Before(p.Since) {
			p.Since = at
		}
		if i < someNames {
			names = append(names, fmt.Sprintf("%q", f.key.Name))
		}
	}
	p.Detail = fmt.Sprintf("Consul lists these names and does not answer for them, while it does for others; what was known of them stays: %s: %v",
		listOf(names, len(all)), o.refused[all[0]].err)
	return p
}

// someNames is how many names a problem lists.
const someNames = 5

// listOf joins some names, and says how many more there are in all.
func listOf(some []string, all int) string {
	text := strings.Join(some, ", ")
	if more := all - len(some); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
