package changes

import (
	"context"
	"slices"
	"time"
)

// Query says which changes are wanted. The zero Query wants all that are kept.
type Query struct {
	Service string    // of this service, its ports and subsets; empty: of all
	Kinds   []Kind    // of these kinds; nil: of all
	Since   time.Time // recorded then or later
	Before  ID        // older than this one: the next page. Zero: from the newest on
	Limit   int       // so many at most; 0: all
}

// Page are changes, with what a reader needs to go on.
type Page struct {
	Changes []Change `json:"changes"`
	// Next is the id to go on with; empty: there is nothing more. Going back (Before) it is that of the oldest change
	// of the page, going on (After) that of the newest one that was looked at.
	Next ID `json:"next"`
	// Newest is the id of the newest change of all; empty: there was none.
	Newest ID `json:"newest"`
	// Forgotten is how many changes since the start are not kept any more.
	Forgotten uint64 `json:"forgotten"`
	// Missed reports that a reader of what came after an id did not get all of it: Legate was started anew since then,
	// or too much has changed.
	Missed bool `json:"missed,omitempty"`
}

func (q *Query) wants(c *Change) bool {
	return (q.Service == "" || slices.Contains(c.Services, q.Service) || slices.Contains(c.Of, q.Service)) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, c.Kind)) && !c.At.Before(q.Since)
}

func (r *Record) page() Page {
	p := Page{Changes: []Change{}, Forgotten: r.last - uint64(len(r.kept)-r.from)}
	if r.last > 0 {
		p.Newest = ID{r.mark, r.last}
	}
	return p
}

// Back returns changes, the newest first. Before an id of another start there is nothing.
func (r *Record) Back(q Query) Page {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.page()
	for i := len(r.kept) - 1; i >= r.from; i-- {
		c := &r.kept[i]
		if q.Before != (ID{}) && (q.Before.Mark != r.mark || c.ID.Number >= q.Before.Number) {
			continue
		}
		if !q.wants(c) {
			continue
		}
		if q.Limit > 0 && len(p.Changes) == q.Limit {
			p.Next = p.Changes[q.Limit-1].ID
			break
		}
		p.Changes = append(p.Changes, *c)
	}
	return p
}

// After returns changes that came after the one with the id, the oldest first, so that who asks again for what
// came after Next misses none. The zero ID is before all. Query.Before does not count. It costs what came after.
func (r *Record) After(id ID, q Query) Page {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.page()
	p.Missed = id != (ID{}) && (id.Mark != r.mark || id.Number < p.Forgotten)
	if id.Mark != r.mark {
		id = ID{}
	}
	p.Next = p.Newest
	known := min(id.Number, r.last) - min(id.Number, p.Forgotten) // numbers follow each other
	for i := r.from + int(known); i < len(r.kept); i++ {
		c := &r.kept[i]
		if !q.wants(c) {
			continue
		}
		if q.Limit > 0 && len(p.Changes) == q.Limit {
			p.Next = p.Changes[q.Limit-1].ID
			break
		}
		p.Changes = append(p.Changes, *c)
	}
	return p
}

// Wait is After that waits until there is such a change, or the context is done.
func (r *Record) Wait(ctx context.Context, id ID, q Query) Page {
	for {
		grown := r.next()
		p := r.After(id, q)
		if len(p.Changes) > 0 || p.Missed {
			return p
		}
		id = p.Next
		select {
		case <-grown:
		case <-ctx.Done():
			return p
		}
	}
}

// Newest is the id of the newest change; the zero ID if there was none.
func (r *Record) Newest() ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.page().Newest
}
