package xdsserver

import (
	"strconv"
	"testing"

	"legate/internal/xdstest"
)

// There are more clients that take nothing in than workers, and still a change is on its way to the
// one that does. What the others get when they read again is the present state.
func TestWorkersWaitForNoClient(t *testing.T) {
	t.Parallel()
	const fat = 1 << 20 // bytes, much more than a client takes in unasked
	s := newStage(t)
	s.set(xdstest.FatAssignment("fat", 1, fat), assignment("web", 1))
	var lazy []*xdstest.Client
	for range 2*cap(s.workers.ready) + 1 {
		c := xdstest.Open(t, xdstest.Dial(t, s.address), xdstest.Delta, "lazy")
		c.Want(eds, "fat")
		c.Accept(eds, "fat@1")
		lazy = append(lazy, c)
	}
	good := incremental(t, s, "good")
	good.Want(eds, "web")
	good.Accept(eds, "web@1")
	const last = 8
	for mark := 2; mark <= last; mark++ {
		s.set(xdstest.FatAssignment("fat", mark, fat))
		s.set(assignment("web", mark))
		good.Accept(eds, "web@"+strconv.Itoa(mark))
	}
	for _, c := range lazy {
		for r := c.Read(); r.Marks()[0].Mark != strconv.Itoa(last); r = c.Read() {
			c.Ack(r)
		}
	}
}

// What changes while a session is busy is sent when it is not: nobody is forgotten.
func TestWhatChangesWhileASessionIsBusyIsSent(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("web", 0))
		c := open("edge")
		c.Want(eds, "web")
		c.Accept(eds, "web@0")
		const last = 500
		go func() {
			for mark := 1; mark <= last; mark++ {
				s.set(assignment("web", mark))
			}
		}()
		for {
			r := c.Read()
			c.Ack(r)
			if r.Marks()[0].Mark == strconv.Itoa(last) {
				break
			}
		}
		c.Silence()
	})
}
