package xdsserver

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/xdstest"
)

// A client may have as many names as are allowed, whether it gives them at once or bit by bit, and gives
// some back for others.
func TestNamesAreCountedOverAllRequestsOfAStream(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("a", 1), service("b", 1)...)...)
		c := open("edge")
		c.Want(eds, "a", "b", "c")
		c.Accept(eds, "a@1", "b@1", "c@empty")
		c.Want(eds, "a", "b", "d")
		c.Accept(eds, "d@empty")
		c.Want(eds, "a", "b", "d", "c")
		wantStatus(t, c.Ended(), "ResourceExhausted", "more names")
	}, func(c *Config) { c.MaxNames = 3 })
}

func TestANameHasSoManyBytesAtMost(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set()
		long := strings.Repeat("x", maxName)
		c := open("edge")
		c.Want(eds, long)
		c.Accept(eds, long+"@empty")
		c.Want(eds, long, long+"x")
		wantStatus(t, c.Ended(), "InvalidArgument", "1025 bytes")
	})
}

// A set that is asked for again is kept joined, but only so many sets are kept.
func TestOfWhatIsMadeForClientsFewSetsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bubbled(t)
		names := s.fat(8, 1, 10)
		bodies := &s.stores[own].table(eds).bodies
		ask := func(names ...string) *xdstest.Response {
			c := s.tube(xdstest.Delta, "edge")
			c.Want(eds, names...)
			return c.Read()
		}
		first := ask(names...)
		buffers := func() (n int) {
			for _, p := range bodies.made {
				n = max(n, len(p.encoded))
			}
			return n
		}
		if n := buffers(); n != len(names) {
			t.Errorf("%d buffers of a set that was asked for once", n)
		}
		if again := ask(names...); again.String() != first.String() {
			t.Errorf("got %s, and then %s", first, again)
		}
		if n := buffers(); n != 1 {
			t.Errorf("%d buffers of a set that was asked for again", n)
		}
		for _, a := range names {
			for _, b := range names {
				if a < b {
					ask(a, b)
				}
			}
		}
		if n := len(bodies.made); n != maxBodies {
			t.Errorf("%d sets are kept", n)
		}
		s.set(assignment(names[0], 2))
		ask(names[0])
		if n := len(bodies.made); n != 1 {
			t.Errorf("%d sets are kept after a change", n)
		}
	})
}

// What a response has room for is reckoned to the byte.
func TestPartsAreAsLargeAsTheyMayBe(t *testing.T) {
	for _, delta := range []bool{false, true} {
		table := newTable(typeOf(eds))
		var all []*entry
		for _, name := range []string{"a", "b", "c", "d"} {
			all = append(all, table.set(name, newResource(xdstest.FatAssignment(name, 1, 1000)), 1, time.Time{}, time.Time{}))
		}
		s := &subscription{table: table}
		one, removed := newBody(delta, all[:1], s), newBody(delta, []*entry{table.entry("gone")}, s)
		if one.size != one.encoded.Len() || one.size <= 1000 || len(one.anys)+len(one.resources) != 1 {
			t.Errorf("%d bytes are %d", one.encoded.Len(), one.size)
		}
		if want := len(surround("", "", removed.removed, nil)) - len(surround("", "", nil, nil)); removed.size != want || delta != (want > 0) {
			t.Errorf("that one is gone takes %d bytes, not %d", want, removed.size)
		}
		for most, parts := range map[int]int{0: 1, 1: 4, one.size: 4, 2*one.size - 1: 4, 2 * one.size: 2, 3 * one.size: 2, 4*one.size - 1: 2, 4 * one.size: 1} {
			p := newBody(delta, all, s)
			p.split(delta, s, most)
			if n := max(1, len(p.parts)); n != parts {
				t.Errorf("%d parts of at most %d bytes, want %d", n, most, parts)
			}
		}
	}
}

func TestWhatIsRejectedAndWasAloneInItsPartIsNotSentAgain(t *testing.T) {
	inBubble(t, func(_ *testing.T, s *stage, open opener) {
		names := s.fat(3, 1, 3000)
		c := open("edge")
		c.Want(eds, names...)
		for _, name := range names {
			c.Nack(c.Expect(eds, name+"@1"), "no")
		}
		c.Silence()
	}, func(c *Config) { c.MaxResponseBytes = 5000 })
}
