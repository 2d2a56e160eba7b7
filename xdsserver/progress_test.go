package xdsserver

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"legate/translate"
)

// far is how far the only stream is with its assignments, once everybody waits.
func (s *stage) far() TypeStatus {
	s.t.Helper()
	synctest.Wait()
	for _, st := range s.Streams() {
		for _, of := range st.Types {
			if of.Type == eds {
				return of
			}
		}
	}
	s.t.Fatal("no stream has asked for assignments")
	return TypeStatus{}
}

// is checks the state, how far the client is behind, and since when it waits.
func (s *stage) is(state State, behind int, waiting time.Time) {
	s.t.Helper()
	got := s.far()
	if got.State != state || got.Behind != behind || !got.Waiting.Equal(waiting) {
		s.t.Errorf("%s, %d behind, waiting since %v, want %s, %d, %v", got.State, got.Behind, got.Waiting, state, behind, waiting)
	}
}

func TestAClientIsBehindByWhatItHasNotAcknowledged(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1), assignment("b", 1), assignment("c", 1))
		time.Sleep(time.Hour)
		c := open("edge")
		c.Want(eds, "a", "b")
		asked := time.Now()
		first := c.Expect(eds, "a@1", "b@1")
		s.is(Stale, 2, asked) // it waits since it asked, not since there is something
		c.Ack(first)
		s.is(Synced, 0, time.Time{})
		if got := s.far(); got.Wants != 2 {
			t.Errorf("it wants %d", got.Wants)
		}

		time.Sleep(time.Hour)
		s.set(assignment("a", 2), assignment("c", 2)) // it does not ask for c
		second := time.Now()
		r2 := c.Expect(eds, "a@2")
		time.Sleep(10 * time.Millisecond)
		s.is(Stale, 1, second)
		time.Sleep(10 * time.Minute)
		s.is(Stale, 1, second)
		s.set(assignment("a", 3), assignment("b", 3))
		third := time.Now()
		r3 := c.Expect(eds, "a@3", "b@3")
		s.is(Stale, 3, second)
		time.Sleep(time.Minute)
		c.Ack(r2)
		s.is(Stale, 2, third)
		c.Ack(r3)
		s.is(Synced, 0, time.Time{})
		s.gone(translate.Name{Type: eds, Name: "a"})
		s.is(Stale, 1, time.Now())
		c.Ack(c.Expect(eds, "a@empty"))
		s.is(Synced, 0, time.Time{})
	})
}

// A client that answers nothing gets no more after a while, and the changes are counted all the same.
func TestWhatAClientThatAnswersNothingMissesIsCounted(t *testing.T) {
	for _, short := range []bool{false, true} {
		t.Run(fmt.Sprint("short log ", short), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *stage, open opener) {
				s.set(assignment("a", 0), assignment("b", 0))
				if short {
					s.stores[own].table(eds).logLimit = 8
				}
				c := open("edge")
				c.Want(eds, "a")
				c.Accept(eds, "a@0")
				time.Sleep(time.Hour)
				began := time.Now()
				const changes = maxFlight + 36
				for n := 1; n <= changes; n++ {
					s.set(assignment("a", n))
					s.set(assignment("b", n))
					time.Sleep(time.Second)
				}
				want, unsent := changes, changes-maxFlight
				if short {
					want, unsent = maxFlight+1, 1 // at least
				}
				s.is(Stale, want, began)
				if got := s.far(); got.Unsent != unsent || got.Since.After(began) {
					t.Errorf("%d not sent, since %v, want %d, since %v", got.Unsent, got.Since, unsent, began)
				}
				for range maxFlight {
					c.Ack(c.Read())
				}
				c.Ack(c.Expect(eds, fmt.Sprint("a@", changes)))
				s.is(Synced, 0, time.Time{})
			})
		})
	}
}

func TestWhatIsRejectedIsCountedApart(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("a", 1), assignment("b", 1))
		c := open("edge")
		c.Want(eds, "a", "b")
		c.Accept(eds, "a@1", "b@1")
		s.set(assignment("a", 2))
		c.Nack(c.Expect(eds, "a@2"), "bad")
		instead := c.Expect(eds, "a@1")
		if got := s.far(); got.State != Nacked || got.RejectedCount != 1 || got.Behind != 1 {
			t.Errorf("%+v", got)
		}
		c.Ack(instead)
		s.is(Nacked, 0, time.Time{})
		s.set(assignment("b", 2))
		s.is(Nacked, 1, time.Now())
		c.Accept(eds, "b@2")
		s.set(assignment("a", 3))
		c.Accept(eds, "a@3")
		s.is(Synced, 0, time.Time{})
	})
}

// While a client's stream is stuck, its status is told all the same.
func TestWhoDoesNotReadIsSeenToBeBehind(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.fat(400, 1, 100_000)
	c := stateOfTheWorld(t, s, "stuck")
	var names []string
	for i := range 400 {
		names = append(names, fmt.Sprintf("s%03d", i))
	}
	c.Want(eds, names...) // 40 MB, more than lies between
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		if all := s.Streams(); len(all) == 1 && len(all[0].Types) == 1 && all[0].Types[0].Behind == len(names) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v", s.Streams())
		}
	}
}

// Who looks at streams while they change sees something that can be.
func TestAStreamCanBeLookedAtWhileItChanges(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("a", 0)...)
		over, looked := make(chan struct{}), make(chan error, 1)
		go func() {
			var wrong error
			for {
				select {
				case <-over:
					looked <- wrong
					return
				default:
				}
				for _, st := range s.Streams() {
					for _, of := range st.Types {
						if of.Behind < of.Unsent || (of.Behind == 0) != of.Waiting.IsZero() {
							wrong = fmt.Errorf("%+v", of)
						}
					}
				}
				for _, d := range s.Deliveries([]translate.Name{{Type: eds, Name: "a"}}, 5) {
					if d.Streams != d.Acknowledged+d.InFlight+d.NotSent || len(d.Missing) != d.InFlight+d.NotSent {
						wrong = fmt.Errorf("%+v", d)
					}
				}
			}
		}()
		c := open("edge")
		c.Want(eds, "a")
		c.Accept(eds, "a@0")
		for n := 1; n < 300; n++ {
			s.set(assignment("a", n))
			c.Accept(eds, fmt.Sprint("a@", n))
			if n%50 == 0 {
				other := open("other")
				other.Want(eds, "a")
				other.Accept(eds, fmt.Sprint("a@", n))
				other.Close()
			}
		}
		close(over)
		if err := <-looked; err != nil {
			t.Error(err)
		}
	})
}
