package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"legate/discovery/catalog"
)

func of(service string) Change {
	return Change{Kind: Service, At: time.Now(), Services: []string{service}, Lines: []Line{{Op: Plus, What: "service"}}}
}

func numbers(p Page) (all []uint64) {
	for _, c := range p.Changes {
		all = append(all, c.ID.Number)
	}
	return all
}

func TestThePagesOfARecord(t *testing.T) {
	r := New()
	began := time.Now()
	for n := range 6 {
		c := of([]string{"web", "api"}[n%2])
		c.At = began.Add(time.Duration(n) * time.Second)
		if n == 4 {
			c.Kind = Policy
		}
		r.Add(c)
	}
	id := func(n uint64) ID { return ID{r.mark, n} }
	for _, c := range []struct {
		q    Query
		want string
		next uint64
	}{
		{Query{}, "[6 5 4 3 2 1]", 0},
		{Query{Limit: 2}, "[6 5]", 5},
		{Query{Limit: 2, Before: id(5)}, "[4 3]", 3},
		{Query{Limit: 2, Before: id(3)}, "[2 1]", 0},
		{Query{Service: "web"}, "[5 3 1]", 0},
		{Query{Service: "web", Limit: 1}, "[5]", 5},
		{Query{Service: "web", Limit: 3}, "[5 3 1]", 0},
		{Query{Kinds: []Kind{Policy, Hold}}, "[5]", 0},
		{Query{Since: began.Add(4 * time.Second)}, "[6 5]", 0},
		{Query{Before: ID{"other", 3}}, "[]", 0},
		{Query{Service: "w"}, "[]", 0},
	} {
		p := r.Back(c.q)
		if got := fmt.Sprint(numbers(p)); got != c.want || p.Next.Number != c.next || p.Newest != id(6) || p.Forgotten != 0 || p.Missed {
			t.Errorf("%+v: %s, %+v; want %s and %d", c.q, got, p.Next, c.want, c.next)
		}
	}
	for _, c := range []struct {
		after  ID
		q      Query
		want   string
		next   uint64
		missed bool
	}{
		{ID{}, Query{}, "[1 2 3 4 5 6]", 6, false},
		{ID{}, Query{Limit: 2}, "[1 2]", 2, false},
		{id(2), Query{Limit: 2}, "[3 4]", 4, false},
		{id(4), Query{Limit: 2}, "[5 6]", 6, false},
		{id(2), Query{Service: "api", Limit: 1}, "[4]", 4, false},
		{id(4), Query{Service: "web"}, "[5]", 6, false},
		{id(6), Query{}, "[]", 6, false},
		{ID{"other", 4}, Query{}, "[1 2 3 4 5 6]", 6, true},
	} {
		p := r.After(c.after, c.q)
		if got := fmt.Sprint(numbers(p)); got != c.want || p.Next.Number != c.next || p.Missed != c.missed {
			t.Errorf("after %v %+v: %s, next %v, missed %v; want %s and %d", c.after, c.q, got, p.Next, p.Missed, c.want, c.next)
		}
	}
}

func TestWhoWaitsIsToldOfTheNextChangeThatHeWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New()
		r.Add(of("web"))
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			r.Add(of("api"))
			time.Sleep(time.Second)
			r.Add(of("web"))
		}()
		p := r.Wait(t.Context(), r.Newest(), Query{Service: "web"})
		if got := fmt.Sprint(numbers(p)); got != "[3]" || time.Since(began) != 2*time.Second {
			t.Errorf("%s after %v", got, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p := r.Wait(ctx, p.Next, Query{}); len(p.Changes) != 0 || p.Next.Number != 3 || time.Since(began) != 3*time.Second {
			t.Errorf("%+v after %v", p, time.Since(began))
		}
		if p := r.Wait(t.Context(), ID{"earlier", 99}, Query{}); !p.Missed || len(p.Changes) != 3 {
			t.Errorf("after a restart: %+v", p)
		}
	})
}

// A record and a change are bounded, whatever is put in; what is left out is counted.
func TestARecordIsBounded(t *testing.T) {
	evil := strings.Repeat("x\u202e\x1b", 50_000)
	large := catalog.Service{Key: catalog.ServiceKey{Name: evil}}
	for n := range 1000 {
		large.Instances = append(large.Instances, catalog.Instance{Node: evil, ID: fmt.Sprintf("%04d", n), Address: evil, Tags: []string{evil}, Health: catalog.Critical,
			Checks: []catalog.Check{{ID: evil, Status: evil}}, Meta: map[string]string{evil: evil}})
	}
	small := catalog.Service{Key: large.Key, Instances: large.Instances[:1:1]}
	small.Instances = append([]catalog.Instance(nil), small.Instances...)
	small.Instances[0].Meta = nil
	r := New()
	for range 2 * maxChanges {
		r.Add(of("web"))
	}
	p := r.Back(Query{})
	if len(p.Changes) != maxChanges || p.Forgotten != maxChanges || p.Newest.Number != 2*maxChanges {
		t.Errorf("%d are kept, %d forgotten", len(p.Changes), p.Forgotten)
	}
	if p := r.After(ID{r.mark, maxChanges - 1}, Query{}); !p.Missed {
		t.Error("who comes too late is not told")
	}
	if p := r.After(ID{r.mark, maxChanges}, Query{}); p.Missed || len(p.Changes) != maxChanges {
		t.Errorf("who comes in time missed some: %d", len(p.Changes))
	}
	c := OfService(&small, &large)
	for range 100 {
		c.Services = append(c.Services, evil)
	}
	for n := range 200 {
		if c.Added != 999 || c.Altered != 1 || len(c.Lines)+c.More != 1000 {
			t.Fatalf("%d added, %d altered, %d lines and %d", c.Added, c.Altered, len(c.Lines), c.More)
		}
		c.At = time.Now()
		r.Add(c)
		if n == 0 {
			kept := r.Back(Query{Limit: 1}).Changes[0]
			if size := kept.size(); size > 64<<10 || len(kept.Services) > MaxServices || len(kept.Lines) > maxLines {
				t.Errorf("one change takes %d bytes: %d services", size, len(kept.Services))
			}
			for _, text := range append(kept.Texts(), kept.Name()) {
				if len(text) > 8<<10 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%d bytes: %.100q", len(text), text)
				}
			}
		}
	}
	sum := 0
	p = r.Back(Query{})
	for _, c := range p.Changes {
		sum += c.size()
	}
	if sum > maxBytes || sum != r.bytes || p.Forgotten+uint64(len(p.Changes)) != r.last || len(p.Changes) == 0 {
		t.Errorf("%d changes with %d bytes are kept, %d are counted", len(p.Changes), sum, r.bytes)
	}
	if body, err := json.Marshal(p); err != nil || len(body) > 16<<20 {
		t.Errorf("%d bytes of JSON: %v", len(body), err)
	}
}

func TestIDsAreReadAsTheyAreWritten(t *testing.T) {
	a, b := New(), New()
	a.Add(of("web"))
	b.Add(of("web"))
	if a.Newest() == b.Newest() || a.Newest().Number != b.Newest().Number {
		t.Errorf("%v and %v", a.Newest(), b.Newest())
	}
	for _, id := range []ID{a.Newest(), {}, {"k3f9qx", 1 << 63}} {
		text, err := id.MarshalText()
		var back ID
		if err != nil || back.UnmarshalText(text) != nil || back != id {
			t.Errorf("%v is written as %s and read as %v", id, text, back)
		}
	}
	for _, bad := range []string{"-", "-1", "a-", "a-0", "a-x", "17", "a--1", strings.Repeat("a", 40) + "-1"} {
		if err := new(ID).UnmarshalText([]byte(bad)); err == nil || len(err.Error()) > 200 {
			t.Errorf("%q is read: %v", bad, err)
		}
	}
	var nobody *Record
	nobody.Add(of("web")) // as if there were none
}
