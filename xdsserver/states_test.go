package xdsserver

import (
	"slices"
	"testing"
	"time"
)

// typeStatus waits until the only stream is in the state with the type.
func (s *stage) typeStatus(typeURL string, want State) TypeStatus {
	s.t.Helper()
	var got TypeStatus
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, st := range s.Streams() {
			i := slices.IndexFunc(st.Types, func(t TypeStatus) bool { return t.Type == typeURL })
			if i < 0 {
				continue
			}
			if got = st.Types[i]; got.State == want {
				return got
			}
		}
	}
	s.t.Fatalf("is %+v, want %s", got, want)
	return got
}

func TestAClientThatBringsAllItWantsIsSynced(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(append(service("web", 1), service("db", 1)...)...)
	before := time.Now()
	c := incremental(t, s, "back")
	c.Resume(cds, map[string]string{"web": "v1", "db": "v1"})
	c.Resume(eds, map[string]string{"web": "v1"}, "web")
	for _, typeURL := range []string{cds, eds} {
		got := s.typeStatus(typeURL, Synced)
		if got.Responses != 0 || got.Resumed.Before(before) || got.Since.Before(before) || got.AckedVersion != s.Views()[0].Versions[typeURL] {
			t.Errorf("%+v", got)
		}
	}

	s.set(cluster("web", 2))
	c.Accept(cds, "web@2")
	c.Accept(eds, "web@1")
	s.typeStatus(cds, Synced)
}

func TestAClientThatBringsAPartIsSyncedWhenItHasTheRest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(append(service("web", 1), service("db", 1)...)...)
	c := incremental(t, s, "back")
	c.Resume(cds, map[string]string{"web": "v1"})
	r := c.Expect(cds, "db@1")
	if got := s.typeStatus(cds, Stale); !got.Resumed.IsZero() {
		t.Errorf("%+v", got)
	}
	c.Ack(r)
	s.typeStatus(cds, Synced)
}

func TestStatesSaySinceWhen(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1))
		c := open("edge")
		c.Want(eds)
		last := s.typeStatus(eds, NotSent).Since
		later := func(want State) {
			t.Helper()
			if got := s.typeStatus(eds, want).Since; got.After(last) {
				last = got
			} else {
				t.Errorf("%s since %v, and what was before since %v", want, got, last)
			}
		}
		c.Want(eds, "a")
		r := c.Expect(eds, "a@1")
		later(Stale)
		s.set(assignment("a", 2))
		second := c.Expect(eds, "a@2")
		if got := s.typeStatus(eds, Stale).Since; !got.Equal(last) {
			t.Errorf("still %s, but since %v instead of %v", Stale, got, last)
		}
		c.Ack(r)
		c.Ack(second)
		later(Synced)
		s.set(assignment("a", 3))
		c.Nack(c.Expect(eds, "a@3"), "bad")
		later(Nacked)
		c.Accept(eds, "a@2") // which it has
		s.set(assignment("a", 4))
		c.Accept(eds, "a@4")
		later(Synced)
	})
}

// A resource changes just when its rejection is taken in: then nothing is parked, and nothing stays NACKED.
func TestARejectionOfWhatHasChangedMeanwhileEnds(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(cluster("web", 1))
		c := open("edge")
		c.Want(cds)
		r := c.Expect(cds, "web@1")

		st := s.stores[own]
		st.mu.Lock() // the rejection is recorded, and waits for this
		c.Nack(r, "bad")
		record := s.callbacks.records()[0]
		isNacked := func() bool {
			record.mu.Lock()
			defer record.mu.Unlock()
			return record.of(cds).state() == Nacked
		}
		for !isNacked() {
			time.Sleep(time.Millisecond)
		}
		st.seq++
		table := st.table(cds)
		table.set("web", newResource(cluster("web", 2)), st.seq, time.Now(), time.Now())
		st.wake(table.wild)
		st.mu.Unlock()

		c.Accept(cds, "web@2")
		s.typeStatus(cds, Synced)
	})
}
