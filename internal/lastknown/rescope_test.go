package lastknown

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// A reloaded configuration selects other services. The file must match the new selection at once,
// or a restart while Consul is away would have nothing to serve.
func TestTheFileFollowsTheSelection(t *testing.T) {
	web := Scope{Include: []string{"web*"}}
	onDisk := func(t *testing.T, s *stage, scope Scope) (Header, catalog.Catalog) {
		t.Helper()
		synctest.Wait()
		h, c, err := load(s.path, scope, 48*time.Hour, time.Now())
		if err != nil {
			t.Error(err)
		}
		return h, c
	}
	t.Run("although no service changes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, t.TempDir())
			s.answers()
			s.in <- whole(catalogOf(1, "web-1", "web-2"))
			<-s.out
			time.Sleep(time.Minute)
			s.Rescope(web)
			if _, c := onDisk(t, s, web); !c.Equal(catalogOf(1, "web-1", "web-2")) {
				t.Errorf("on disk: %v", c)
			}
			s.silent() // the bridge has nothing to do
		})
	})
	t.Run("before discovery does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, t.TempDir())
			s.answers()
			s.in <- whole(catalogOf(1, "db", "web-1"))
			<-s.out
			time.Sleep(time.Minute)
			s.Rescope(web)
			if _, c := onDisk(t, s, web); !c.Equal(catalogOf(1, "web-1")) {
				t.Errorf("on disk: %v", c)
			}
		})
	})
	t.Run("at the stop, too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, t.TempDir())
			s.answers()
			s.in <- whole(catalogOf(1, "web-1"))
			<-s.out
			s.in <- catalog.Delta{} // the bridge is busy: Run blocks while it sends
			time.Sleep(time.Minute)
			s.Rescope(web)
			s.stop()
			if _, c := onDisk(t, s, web); !c.Equal(catalogOf(1, "web-1")) {
				t.Errorf("on disk: %v", c)
			}
		})
	})
	t.Run("while it is served in Consul's place, and keeps its date", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			said := time.Now().Add(-time.Hour)
			s := newStage(t, from(t, said, catalogOf(1, "db", "web-1")))
			<-s.out
			s.consulSays(Consul{LastSuccess: time.Now()}) // it answers some queries
			s.Rescope(web)
			if d := <-s.out; len(d.Set) != 0 || len(d.Gone) != 1 || d.Gone[0] != key("db") {
				t.Errorf("came %v", d)
			}
			if st := s.Status(); st.Services != 1 {
				t.Errorf("%d services are said to be served", st.Services)
			}
			if h, c := onDisk(t, s, web); !c.Equal(catalogOf(1, "web-1")) || !h.Believed.Equal(said) || h.Scope.Datacenter != "dc1" {
				t.Errorf("on disk: %+v %v", h, c)
			}
			time.Sleep(time.Hour) // its date is not renewed either
			s.answers()
			s.in <- whole(catalogOf(1, "web-2"))
			if d := <-s.out; len(d.Set) != 1 || len(d.Gone) != 1 || d.Gone[0] != key("web-1") {
				t.Errorf("came %v", d)
			}
			time.Sleep(time.Minute)
			if h, c := onDisk(t, s, web); !c.Equal(catalogOf(1, "web-2")) || !h.Believed.After(said) {
				t.Errorf("on disk: %+v %v", h, c)
			}
		})
	})
	t.Run("although it is another one twice at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, t.TempDir())
			s.answers()
			s.in <- whole(catalogOf(1, "db", "web-1"))
			<-s.out
			s.in <- catalog.Delta{} // the bridge is busy
			synctest.Wait()
			s.Rescope(Scope{Include: []string{"db"}})
			s.Rescope(web)
			<-s.out
			time.Sleep(time.Minute)
			if _, c := onDisk(t, s, web); !c.Equal(catalogOf(1, "web-1")) {
				t.Errorf("on disk: %v", c)
			}
		})
	})
	t.Run("not before anything is known", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, t.TempDir())
			s.Rescope(web)
			time.Sleep(time.Minute)
			s.silent()
			if st := s.Status(); !st.Written.IsZero() || st.Unusable != "" {
				t.Errorf("%+v", st)
			}
		})
	})
	t.Run("without news for the bridge where there are none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, from(t, time.Now(), catalogOf(1, "web-1", "web-2")))
			<-s.out
			s.Rescope(web)
			if _, c := onDisk(t, s, web); !c.Equal(catalogOf(1, "web-1", "web-2")) {
				t.Errorf("on disk: %v", c)
			}
			s.silent()
		})
	})
	t.Run("within the grace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, from(t, time.Now(), catalogOf(1, "db", "web-1")))
			s.Rescope(web)
			synctest.Wait()
			if st := s.Status(); st.Services != 0 {
				t.Errorf("%d services are said to be served before they are", st.Services)
			}
			if got := (catalog.Catalog{}).Apply(<-s.out); !got.Equal(catalogOf(1, "web-1")) {
				t.Errorf("served %v", got)
			}
			onDisk(t, s, web)
		})
	})
	t.Run("an equal one is no reason to write", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, from(t, time.Now(), catalogOf(1, "a")))
			<-s.out
			before, _ := os.Stat(s.path)
			s.Rescope(Scope{Tags: []string{}})
			synctest.Wait()
			if after, err := os.Stat(s.path); err != nil || !os.SameFile(before, after) {
				t.Errorf("another file: %v", err)
			}
		})
	})
}
