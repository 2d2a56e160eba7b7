package lastknown

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

func TestAFileOfAnotherDatacenterIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now(), catalogOf(1, "a")))
		s.consulSays(Consul{Datacenter: "dc2"}) // the agent answers, its servers hang
		time.Sleep(time.Minute)
		s.silent()
		if n := strings.Count(s.log.String(), "another datacenter"); n != 1 {
			t.Errorf("said %d times: %s", n, s.log)
		}
		if st := s.Status(); st.Stale || !strings.Contains(st.Unusable, `of datacenter "dc1", and Consul's agent is in "dc2": give each Legate a --state-dir of its own`) {
			t.Errorf("%+v", st)
		}
		s.in <- catalog.Delta{}
		<-s.out
	})
}

// No datacenter is configured, and the agent could not be asked at the start, so the file had to be
// believed. Once the agent names another datacenter, the file is no longer served, and nothing of
// the other datacenter is mixed into it.
func TestWhatTurnsOutToBeOfAnotherDatacenterIsNotServedAnyLonger(t *testing.T) {
	for name, comes := range map[string]func(s *stage){
		"the agent says so":     func(s *stage) { time.Sleep(time.Second + time.Millisecond) },
		"its catalog comes too": func(s *stage) { s.in <- whole(catalogOf(1, "b")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, from(t, time.Now(), catalogOf(1, "a")))
				<-s.out
				time.Sleep(time.Minute)
				s.silent()
				s.consulSays(Consul{Datacenter: "dc2"})
				comes(s)
				s.silent()
				select {
				case <-s.ended:
				default:
					t.Error("it is still served")
				}
				s.stop()
				if s.ends == nil || !strings.Contains(s.ends.Error(), `of datacenter "dc1", and Consul's agent is in "dc2"`) {
					t.Errorf("ended with %v", s.ends)
				}
				s.ends = nil
			})
		})
	}
}
