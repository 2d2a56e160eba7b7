package changes

import (
	"fmt"
	"testing"
	"time"
)

func TestWhatPublishedAResourceIsFound(t *testing.T) {
	r := New()
	first := time.Unix(1_700_000_000, 123456789)
	second := first.Add(time.Millisecond)
	published := func(kind Kind, at time.Time, services ...string) Change {
		return Change{Kind: kind, At: at.Add(time.Microsecond), Published: at, Services: services, Lines: []Line{{Op: Plus, What: "service"}}}
	}
	held := of("web")
	held.At, held.Kind = first.Add(-time.Millisecond), Hold // it waited for the record
	r.Add(
		published(Snapshot, first.Add(-time.Hour)),    // 1
		published(Policy, first, "api", "web"),        // 2
		published(Entry, first),                       // 3
		published(Service, first, "web"),              // 4
		published(Service, first, "db"),               // 5
		held,                                          // 6
		published(Service, second, "web"),             // 7
		published(More, second),                       // 8
		Change{Kind: Reload, At: second.Add(1e6)},     // 9
		published(Service, second.Add(1000), "later"), // 10
	)
	for _, c := range []struct {
		resource string
		at       time.Time
		want     uint64
	}{
		{"web", first, 4}, {"api", first, 2}, {"db", first, 5}, {"web.http", first, 2},
		{"web", second, 7}, {"web.http", second, 7}, {"db", second, 7},
		{"web", first.Add(1), 0}, {"any", first.Add(-time.Hour), 1}, {"web", second.Add(time.Hour), 0},
	} {
		if got := r.WhatPublished(c.resource, c.at); got.Number != c.want {
			t.Errorf("%s at %s: %v, want %d", c.resource, fmt.Sprint(c.at.UnixNano()), got, c.want)
		}
	}
}
