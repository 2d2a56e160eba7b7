package xdsserver

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/xdstest"
)

// demands is what Consul has, as the server expects it, and what the server tells of what clients ask for.
type demands struct {
	mu       sync.Mutex
	expected map[string]Expected
	told     []string
	all      int           // how often any name may have changed
	stuck    chan struct{} // nil, or who is told does not return before it is closed
}

func (w *demands) expect(e Expected, names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		w.expected[name] = e
	}
}

func (w *demands) tell(names []string) {
	w.mu.Lock()
	w.told = append(w.told, names...)
	if names == nil {
		w.all++
	}
	stuck := w.stuck
	w.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
}

// awaitTold waits until exactly these names were told since it was called last, each at least once.
func (w *demands) awaitTold(t *testing.T, names ...string) {
	t.Helper()
	slices.Sort(names)
	var told []string
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		told = slices.Compact(slices.Sorted(slices.Values(w.told)))
		if slices.Equal(told, names) {
			w.told = nil
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		if time.Now().After(end) {
			t.Fatalf("told %v, want %v", told, names)
		}
	}
}

// prepare has the server tell what clients ask for, and hear what is to be expected.
func (w *demands) prepare(s *Server) {
	s.TellAsked(w.tell)
	s.Expect(func(name string) Expected {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.expected[name]
	})
}

// following tells a story of such a server in each protocol, in a bubble of time. It has web.
func following(t *testing.T, wait time.Duration, story func(t *testing.T, s *stage, w *demands, open opener)) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		t.Run(string(p), func(t *testing.T) { followingOver(t, p, wait, story) })
	}
}

// followingOver does so in one protocol.
func followingOver(t *testing.T, p xdstest.Protocol, wait time.Duration, story func(t *testing.T, s *stage, w *demands, open opener)) {
	synctest.Test(t, func(t *testing.T) {
		w := &demands{expected: map[string]Expected{}}
		s := bubbledWith(t, w.prepare, func(c *Config) { c.FirstAnswerWait = wait })
		s.set(service("web", 1)...)
		story(t, s, w, func(node string) *xdstest.Client { return s.tube(p, node) })
	})
}

// followingStage is such a server with a network.
func followingStage(t *testing.T, wait time.Duration) (*stage, *demands) {
	w := &demands{expected: map[string]Expected{}}
	s := newStageWith(t, io.Discard, w.prepare, func(c *Config) { c.FirstAnswerWait = wait })
	s.set(service("web", 1)...)
	return s, w
}

func TestNamesThatClientsBeginAndCeaseToAskForAreTold(t *testing.T) {
	following(t, time.Minute, func(t *testing.T, s *stage, w *demands, open opener) {
		c, other := open("edge"), open("other")
		c.Want(eds, "web", "ghost")
		c.Accept(eds, "web@1", "ghost@empty")
		w.awaitTold(t, "web", "ghost")
		other.Want(eds, "web")
		other.Accept(eds, "web@1")
		c.Want(eds, "ghost")
		if !s.Asked("web") || !s.Asked("ghost") || s.Asked("db") {
			t.Errorf("asked for: %v", s.AllAsked())
		}
		other.Close()
		w.awaitTold(t, "web")
		if all := s.AllAsked(); s.Asked("web") || !slices.Equal(all, []string{"ghost"}) {
			t.Errorf("asked for: %v", all)
		}
		c.Want(cds, "web") // on demand
		c.Accept(cds, "web@1")
		w.awaitTold(t, "web")
		c.Want(sds, "file") // is no service
		third := open("third")
		third.Want(cds, "*")
		third.Accept(cds, "web@1")
		third.Want(eds, "db")
		third.Ack(third.Read())
		w.awaitTold(t, "db")
	})
}

func TestWhoAsksForAllAsksForNothingByName(t *testing.T) {
	following(t, time.Minute, func(t *testing.T, s *stage, w *demands, open opener) {
		c := open("edge")
		c.Want(cds, "*")
		c.Accept(cds, "web@1")
		c.Want(eds, "*", "db")
		c.Ack(c.Read())
		w.awaitTold(t, "db")
		if !s.Wanted("web") {
			t.Error("who asks for all endpoints wants those of web")
		}
	})
}

// More names than are worth telling one by one are told as a whole, and nobody waits for who is told.
func TestManyNamesAreToldAsAWhole(t *testing.T) {
	following(t, time.Minute, func(t *testing.T, s *stage, w *demands, open opener) {
		w.stuck = make(chan struct{})
		first := open("first")
		first.Want(eds, "web")
		first.Accept(eds, "web@1")
		w.awaitTold(t, "web")
		names := make([]string, maxUntold+10)
		for i := range names {
			names[i] = fmt.Sprintf("ghost-%05d", i)
		}
		c := open("many")
		c.Want(eds, names...)
		for got := 0; got < len(names); {
			r := c.Read()
			got += len(r.Resources)
			c.Ack(r)
		}
		if all := s.AllAsked(); len(all) != len(names)+1 {
			t.Errorf("%d names are asked for", len(all))
		}
		close(w.stuck)
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			w.mu.Lock()
			all, told := w.all, len(w.told)
			w.mu.Unlock()
			if all > 0 && told == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("told %d names, and %d times of all", told, all)
			}
		}
	})
}

// fetched is the answer to a request over REST.
func (s *stage) fetched(what, request string) string {
	s.t.Helper()
	r, err := http.Post(s.rest+"/v3/discovery:"+what, "application/json", strings.NewReader(request))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// Who polls asks for a name as long as he comes back. A name that Consul does not have is not remembered.
func TestWhatIsPolledCountsForAWhile(t *testing.T) {
	t.Parallel()
	s, w := followingStage(t, 10*time.Millisecond)
	w.expect(Soon, "db")
	s.fetched("endpoints", `{"node":{"id":"edge"},"resource_names":["web","db","ghost"]}`)
	w.awaitTold(t, "web", "db")
	s.fetched("clusters", `{"node":{"id":"edge"}}`)
	if all := s.AllAsked(); !slices.Equal(all, []string{"db", "web"}) || !s.Asked("db") || s.Asked("ghost") {
		t.Errorf("asked for: %v", all)
	}
	s.asked.forgetPolled(time.Now().Add(pollStays / 2))
	if !s.Asked("db") {
		t.Error("forgotten too early")
	}
	s.asked.forgetPolled(time.Now().Add(pollStays + time.Second))
	w.awaitTold(t, "web", "db")
	if s.Asked("db") {
		t.Error("still asked for")
	}
}
