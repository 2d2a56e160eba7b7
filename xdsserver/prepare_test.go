package xdsserver

import (
	"sync"
	"testing"
	"time"

	"legate/translate"
)

// standingStore is one with one assignment that differs from place to place.
func standingStore() (*store, func(mark int)) {
	st := newStore(own)
	publish := func(mark int) {
		st.publish(translate.Batch{Set: []translate.Resource{zoned("web", mark, translate.ByZone)}}, time.Now())
	}
	publish(1)
	return st, publish
}

// TestWhoComesToAPlaceThatIsPreparedWalksThroughNothing: neither a second stream of a place nor a second single request,
// also after a change.
func TestWhoComesToAPlaceThatIsPreparedWalksThroughNothing(t *testing.T) {
	st, publish := standingStore()
	b, us := translate.Place{Region: "eu", Zone: "b"}, translate.Place{Region: "us", Zone: "a"}
	for range 3 {
		st.attach(func() {})
	}
	st.stands(0, b)
	st.prepare(us)
	st.preparing.Lock() // who walks waits for this for ever
	st.stands(1, b)
	st.prepare(us)
	st.preparing.Unlock()

	publish(2)
	if st.isPrepared(us) {
		t.Error("what was published is not made where no stream is, and that is not known")
	}
	st.preparing.Lock()
	st.stands(2, b)
	st.preparing.Unlock()
	if n := len(st.table(eds).entries["web"].res.near.made); n != 1 {
		t.Errorf("of what was published %d are made, want that of the place with streams", n)
	}

	for slot := range 3 {
		st.detach(slot, nil)
	}
	if st.isPrepared(b) {
		t.Error("a place without streams is prepared: what is published next is not made for it")
	}
}

func TestPlacesThatClientsMakeUpAreForgotten(t *testing.T) {
	st, _ := standingStore()
	for n := range 10 * maxUnused {
		st.prepare(translate.Place{Region: "eu", Zone: string(rune('A' + n))})
	}
	if n := len(st.places.made.in); n > maxUnused {
		t.Errorf("%d places are remembered", n)
	}
}

// TestPlacesArePreparedWhileBatchesArePublished is for the race detector.
func TestPlacesArePreparedWhileBatchesArePublished(t *testing.T) {
	st, publish := standingStore()
	var all sync.WaitGroup
	for slot := range 4 {
		st.attach(func() {})
		all.Go(func() {
			for n := range 200 {
				place := translate.Place{Region: "eu", Zone: []string{"a", "b"}[(n+slot)%2]}
				st.stands(slot, place)
				st.prepare(place)
				st.stands(slot, translate.Place{Region: "us", Zone: "a"})
			}
		})
	}
	for mark := range 200 {
		publish(mark + 2)
	}
	all.Wait()
	if st.places.made.publishing {
		t.Error("something is being published for ever")
	}
}
