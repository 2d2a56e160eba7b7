package lastknown

import (
	"net/netip"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

func hosts(address string) map[string][]netip.Addr {
	return map[string][]netip.Addr{"db.internal": {netip.MustParseAddr(address)}}
}

// hostsOnDisk returns the addresses in the file.
func (s *stage) hostsOnDisk() map[string][]netip.Addr {
	s.t.Helper()
	synctest.Wait()
	h, _, err := load(s.path, Scope{}, time.Hour, time.Now())
	if err != nil {
		s.t.Error(err)
	}
	return h.Hosts
}

func TestTheFileFollowsWhatHostNamesStandFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Value
		now.Store(hosts("10.0.0.1"))
		moved := make(chan struct{}, 1)
		s := newStageWith(t, t.TempDir(), func(s *stage) {
			s.KeepHosts(func() map[string][]netip.Addr { return now.Load().(map[string][]netip.Addr) }, moved)
		})
		on := func(address string) {
			t.Helper()
			if got := s.hostsOnDisk(); !reflect.DeepEqual(got, hosts(address)) {
				t.Errorf("on disk: %v, want %s", got, address)
			}
		}
		s.answers()
		s.in <- whole(catalogOf(1, "a"))
		<-s.out
		on("10.0.0.1")

		time.Sleep(time.Minute) // no service changes
		now.Store(hosts("10.0.0.2"))
		moved <- struct{}{}
		on("10.0.0.2")
		s.silent()

		s.in <- catalog.Delta{} // the bridge is busy: Run blocks while it sends
		time.Sleep(time.Minute)
		now.Store(hosts("10.0.0.3"))
		moved <- struct{}{}
		s.stop()
		on("10.0.0.3")
	})
}

func TestWhatHostNamesStoodForIsKeptWhereNobodyKnowsBetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		h := Header{Scope: Scope{Datacenter: "dc1"}, Believed: time.Now(), Hosts: hosts("10.0.0.1")}
		s := newStageWith(t, dir, func(s *stage) {
			if err := store(system{}, s.path, h, catalogOf(1, "a")); err != nil {
				t.Fatal(err)
			}
		})
		if !reflect.DeepEqual(s.Hosts(), h.Hosts) || s.Datacenter() != "dc1" {
			t.Errorf("loaded %v of %q", s.Hosts(), s.Datacenter())
		}
		s.answers()
		s.in <- whole(catalogOf(1, "b"))
		<-s.out
		if got := s.hostsOnDisk(); !reflect.DeepEqual(got, h.Hosts) {
			t.Errorf("on disk: %v", got)
		}
	})
}
