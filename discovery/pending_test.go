package discovery

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// anyCatalog is a catalog with some of a few services, each with some of a few instances.
func anyCatalog(r *rand.Rand) catalog.Catalog {
	c := catalog.New()
	for n := range r.IntN(6) {
		key := catalog.ServiceKey{Datacenter: "dc" + strconv.Itoa(r.IntN(2)), Name: strconv.Itoa(n)}
		s := catalog.Service{Key: key}
		for i := range r.IntN(3) {
			s.Instances = append(s.Instances, catalog.Instance{ID: strconv.Itoa(i), Node: "n", Port: r.IntN(2)})
		}
		c.Services[key] = s
	}
	for n := range r.IntN(3) {
		key := catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: strconv.Itoa(n)}
		c.Entries[key] = catalog.Entry{Key: key, Protocol: strconv.Itoa(r.IntN(2))}
	}
	return c
}

// However changes are offered, taken and taken back: what the reader folds is the catalog, and it
// hears of nothing that is as it was.
func TestWhatIsTakenFromTheOutboxLeadsToTheCatalog(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	b := newPending()
	var now, reader catalog.Catalog
	var oldest time.Time
	for n := range 2000 {
		at := time.Unix(int64(1000+n), 0)
		target := anyCatalog(r)
		d := now.Diff(target)
		for _, s := range d.Set[:min(len(d.Set), 1+r.IntN(2))] {
			old, had := now.Services[s.Key]
			b.note(s.Key, old, had, at)
			now = now.Apply(catalog.Delta{Set: []catalog.Service{s}})
			if oldest.IsZero() {
				oldest = at
			}
		}
		for _, key := range d.Gone[:min(len(d.Gone), 1)] {
			b.note(key, now.Services[key], true, at)
			now = now.Apply(catalog.Delta{Gone: []catalog.ServiceKey{key}})
			if oldest.IsZero() {
				oldest = at
			}
		}
		for _, e := range d.Entries {
			old, had := now.Entries[e.Key]
			b.noteEntry(e.Key, old, had, at)
			now = now.Apply(catalog.Delta{Entries: []catalog.Entry{e}})
			if oldest.IsZero() {
				oldest = at
			}
		}
		for _, key := range d.GoneEntries {
			b.noteEntry(key, now.Entries[key], true, at)
			now = now.Apply(catalog.Delta{GoneEntries: []catalog.EntryKey{key}})
			if oldest.IsZero() {
				oldest = at
			}
		}
		if r.IntN(3) > 0 {
			continue
		}
		got, want := b.delta(now), reader.Diff(now)
		if !reader.Apply(got).Equal(now) || len(got.Set) != len(want.Set) || !slices.Equal(got.Gone, want.Gone) ||
			len(got.Entries) != len(want.Entries) || !slices.Equal(got.GoneEntries, want.GoneEntries) {
			t.Fatalf("offers %+v, want %+v", got, want)
		}
		if !slices.IsSortedFunc(got.Set, func(a, b catalog.Service) int { return a.Key.Compare(b.Key) }) {
			t.Fatalf("not in order: %+v", got.Set)
		}
		if got.Empty() {
			oldest = time.Time{}
		}
		if !got.Since.Equal(oldest) {
			t.Fatalf("since %v, want %v", got.Since, oldest)
		}
		if again := b.delta(now); !again.Since.Equal(got.Since) || len(again.Set) != len(got.Set) || len(again.Gone) != len(got.Gone) {
			t.Fatalf("offers %+v, and then %+v", got, again)
		}
		if r.IntN(2) == 0 {
			reader, oldest = reader.Apply(got), time.Time{}
			b.sent()
		}
	}
	b = newPending()
	key := catalog.ServiceKey{Name: "web"}
	b.note(key, catalog.Service{}, false, time.Unix(9, 0))
	b.note(key, catalog.Service{}, true, time.Unix(5, 0))
	if d := b.delta(catalog.Of(catalog.Service{Key: key})); len(d.Set) != 1 || !d.Since.Equal(time.Unix(5, 0)) {
		t.Errorf("%+v, want the older of two changes that came out of order", d)
	}
}
