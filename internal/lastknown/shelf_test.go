package lastknown

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/logtest"
	"legate/metrics"
)

// stage is a Shelf between a discovery and a bridge that the test plays.
type stage struct {
	*Shelf
	t     *testing.T
	log   *logtest.Buffer
	told  *metrics.Metrics
	in    chan catalog.Delta
	out   chan catalog.Delta
	stop  func()
	ended chan struct{} // closed when Run has ended
	ends  error         // the error of Run

	mu     sync.Mutex
	consul Consul
}

func (s *stage) consulSays(st Consul) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consul = st
}

func (s *stage) consulNow() Consul {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.consul
}

func newStage(t *testing.T, dir string) *stage {
	t.Helper()
	return newStageWith(t, dir, nil)
}

// newStageWith calls prepared before the Shelf runs.
func newStageWith(t *testing.T, dir string, prepared func(s *stage)) *stage {
	t.Helper()
	config := DefaultConfig()
	config.Dir, config.Scope = dir, Scope{}
	s := &stage{t: t, log: &logtest.Buffer{}, told: metrics.New(metrics.BuildInfo{}), in: make(chan catalog.Delta), out: make(chan catalog.Delta)}
	s.Shelf = New(config, slog.New(slog.NewTextHandler(s.log, nil)), s.told.LastKnown)
	if prepared != nil {
		prepared(s)
	}
	s.Load()
	ctx, cancel := context.WithCancel(t.Context())
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		s.ends = s.Run(ctx, s.consulNow, s.in, s.out)
	}()
	s.stop = func() { cancel(); <-s.ended }
	t.Cleanup(func() {
		if s.stop(); s.ends != nil {
			t.Error(s.ends)
		}
	})
	return s
}

// from creates the state folder of a Legate that was stopped at that moment with that catalog.
func from(t *testing.T, believed time.Time, c catalog.Catalog) (dir string) {
	t.Helper()
	dir = t.TempDir()
	h := Header{Scope: Scope{Datacenter: "dc1"}, Believed: believed}
	if err := store(system{}, filepath.Join(dir, fileName), h, c); err != nil {
		t.Fatal(err)
	}
	return dir
}

// answers makes Consul answer now.
func (s *stage) answers() {
	s.consulSays(Consul{Datacenter: "dc1", LastSuccess: time.Now()})
}

func whole(c catalog.Catalog) catalog.Delta { return catalog.Catalog{}.Diff(c) }

// metric returns the value of a metric.
func (s *stage) metric(name string) string {
	s.t.Helper()
	page := httptest.NewRecorder()
	s.told.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if value, is := strings.CutPrefix(line, name+" "); is {
			return strings.TrimSpace(value)
		}
	}
	s.t.Fatalf("there is no metric %s", name)
	return ""
}

func (s *stage) silent() {
	s.t.Helper()
	synctest.Wait()
	select {
	case d := <-s.out:
		s.t.Errorf("came %v", d)
	default:
	}
}

func TestWithoutConsulTheFileIsServedAfterTheGraceAndThenReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was := catalogOf(2, "gone", "same", "shop")
		s := newStage(t, from(t, time.Now().Add(-time.Hour), was))
		time.Sleep(s.config.Grace - time.Millisecond)
		s.silent()
		time.Sleep(time.Millisecond)
		served := catalog.Catalog{}.Apply(<-s.out)
		if !served.Equal(was) {
			t.Errorf("served %v", served)
		}
		synctest.Wait()
		if stale, date := s.metric("legate_serving_stale"), s.metric("legate_last_known_timestamp_seconds"); stale != "1" || date == "0" {
			t.Errorf("stale %s, of %s", stale, date)
		}
		if st := s.Status(); !st.Stale || st.Services != 3 || st.Expired || !strings.Contains(st.Age(time.Now()), "1h0m3s ago") {
			t.Errorf("%+v %s", st, st.Age(time.Now()))
		}
		time.Sleep(23*time.Hour - s.config.Grace)
		if s.Status().Expired {
			t.Error("it is expired after a day, before that is over")
		}
		time.Sleep(time.Nanosecond)
		if !s.Status().Expired {
			t.Error("a day is over, and it is not expired")
		}
		s.silent()

		now := catalogOf(2, "new", "same")
		now.Services[key("shop")] = catalogOf(1, "shop").Services[key("shop")]
		s.answers()
		first := whole(now)
		first.Since = time.Now()
		s.in <- first
		d := <-s.out
		if len(d.Set) != 2 || len(d.Gone) != 1 || !served.Apply(d).Equal(now) || !d.Since.Equal(first.Since) {
			t.Errorf("then came %v, since %v", d, d.Since)
		}
		synctest.Wait()
		if st := s.Status(); st.Stale || st.Services != 0 || st.Expired || !st.Believed.IsZero() || st.Age(time.Now()) != "" {
			t.Errorf("%+v", st)
		}
		if stale := s.metric("legate_serving_stale"); stale != "0" {
			t.Errorf("stale %s", stale)
		}
		if s.atHand() {
			t.Error("what nobody needs any more is kept in memory")
		}
	})
}

// The bridge is busy when Legate is told to stop.
func TestWhatWasNotTakenAnyMoreIsNotSaidToBeServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now(), catalogOf(1, "a")))
		time.Sleep(time.Minute)
		s.stop()
		if said := s.log.String(); s.Status().Stale || strings.Contains(said, "serving the last known catalog") {
			t.Errorf("%+v %s", s.Status(), said)
		}
	})
}

func TestAConsulThatAnswersInTimeIsServedAndTheFileIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now(), catalogOf(2, "old")))
		now := catalogOf(2, "new")
		s.answers()
		s.in <- whole(now)
		if got := (catalog.Catalog{}).Apply(<-s.out); !got.Equal(now) {
			t.Errorf("served %v", got)
		}
		time.Sleep(time.Minute)
		s.silent()
		if s.Status().Stale {
			t.Error("stale")
		}
	})
}

func TestTheFileFollowsWhatIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := newStage(t, dir)
		onDisk := func() catalog.Catalog {
			_, c, err := load(s.path, Scope{}, time.Hour, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		want := catalogOf(1, "a", "b")
		s.answers()
		s.in <- whole(want)
		<-s.out
		synctest.Wait()
		if !onDisk().Equal(want) {
			t.Fatalf("on disk: %v", onDisk())
		}

		// Many changes cause few writes, and the last change is written.
		for i := 2; i < 100; i++ {
			d := catalog.Delta{Set: []catalog.Service{catalogOf(i, "a").Services[key("a")]}, Gone: []catalog.ServiceKey{key("b")}}
			want = want.Apply(d)
			s.in <- d
			<-s.out
			time.Sleep(time.Millisecond)
		}
		if onDisk().Equal(want) {
			t.Error("written with each change")
		}
		time.Sleep(s.config.Every)
		synctest.Wait()
		if !onDisk().Equal(want) {
			t.Error("the last change is not on disk")
		}

		// What is unwritten is written at the end.
		s.in <- catalog.Delta{Gone: []catalog.ServiceKey{key("a")}}
		<-s.out
		s.stop()
		if len(onDisk().Services) != 0 {
			t.Errorf("on disk at the end: %v", onDisk())
		}
	})
}

func TestTheDateOfTheFileIsRenewedOnlyWhileConsulAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, t.TempDir())
		s.answers()
		s.in <- whole(catalogOf(1, "a"))
		<-s.out
		date := func() time.Time {
			synctest.Wait()
			h, _, err := load(s.path, Scope{}, 24*time.Hour, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return h.Believed
		}
		first := date()
		time.Sleep(3 * time.Hour)
		if !date().Equal(first) {
			t.Error("consul has said nothing, and the file is newer")
		}
		s.answers()
		last := time.Now()
		time.Sleep(refreshEvery + time.Minute)
		if !date().Equal(last.UTC()) {
			t.Errorf("consul has confirmed it at %v, and the file is of %v", last, date())
		}
	})
}

func TestWhatOnlyTheFileSaysIsNotWrittenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now().Add(-time.Hour), catalogOf(1, "a")))
		before, err := os.Stat(s.path)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		<-s.out
		time.Sleep(time.Hour)
		s.stop()
		after, err := os.Stat(s.path)
		if err != nil || !os.SameFile(before, after) {
			t.Errorf("another file: %v", err)
		}
	})
}

func TestAFileThatCannotBeUsedOrWrittenIsSaidOnceAndLegateGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, fileName, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		s := newStage(t, dir)
		s.answers()
		s.in <- whole(catalogOf(1, "a"))
		<-s.out
		time.Sleep(time.Hour)
		st := s.Status()
		if !strings.Contains(st.Unusable, "look at what is there") || st.Unwritten == "" {
			t.Errorf("%+v", st)
		}
		if n := strings.Count(s.log.String(), "cannot be written"); n != 1 {
			t.Errorf("said %d times: %s", n, s.log)
		}
		if ok, failed := s.metric(`legate_last_known_writes_total{outcome="ok"}`), s.metric(`legate_last_known_writes_total{outcome="failed"}`); ok != "0" || failed == "0" {
			t.Errorf("%s writes went well, %s failed", ok, failed)
		}
		if err := os.RemoveAll(s.path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retryMost + s.config.Every)
		synctest.Wait()
		if st := s.Status(); st.Unwritten != "" || st.Unusable != "" || st.Written.IsZero() {
			t.Errorf("%+v", st)
		}
		if n := strings.Count(s.log.String(), "is written again"); n != 1 {
			t.Errorf("said %d times that it is written again: %s", n, s.log)
		}
		if ok, date := s.metric(`legate_last_known_writes_total{outcome="ok"}`), s.metric("legate_last_known_timestamp_seconds"); ok != "1" || date == "0" {
			t.Errorf("%s writes went well, the last of %s", ok, date)
		}
	})
}

// A missing folder, such as a disk that is not mounted yet, is retried even if nothing changes.
func TestAFolderThatComesLateGetsTheFileWithoutAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := filepath.Join(t.TempDir(), "disk")
		s := newStage(t, filepath.Join(disk, "state"))
		want := catalogOf(2, "a", "b")
		s.answers()
		s.in <- whole(want)
		<-s.out
		time.Sleep(10 * time.Second)
		if st := s.Status(); !strings.Contains(st.Unwritten, "make the folder") {
			t.Errorf("%+v", st)
		}
		if err := os.MkdirAll(s.config.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		_, c, err := load(s.path, Scope{}, time.Hour, time.Now())
		if err != nil || !c.Equal(want) || s.Status().Unwritten != "" {
			t.Errorf("%v %v %+v", c, err, s.Status())
		}
	})
}

func TestWhyConsulIsAwayIsSaidWithTheRemedyWhenTheFileIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now().Add(-time.Hour), catalogOf(1, "a")))
		s.consulSays(Consul{Problem: "it is down", Remedy: "start it"})
		<-s.out
		synctest.Wait()
		if said := s.log.String(); !strings.Contains(said, `serving the last known catalog from disk" file=`) || !strings.Contains(said, `age_seconds=3603 consul="it is down" remedy="start it"`) {
			t.Error(said)
		}
	})
}

func TestAFolderThatCannotBeUsedIsSaidAtTheStart(t *testing.T) {
	dir := t.TempDir()
	for folder, want := range map[string]bool{dir: false, filepath.Join(dir, "no", "folder"): true} {
		log := &logtest.Buffer{}
		if c := New(Config{Dir: folder}, slog.New(slog.NewTextHandler(log, nil)), nil).Load(); !c.Empty() {
			t.Errorf("loaded %v", c)
		}
		if got := strings.Contains(log.String(), "folder of the last known catalog cannot be used"); got != want {
			t.Errorf("%s: %s", folder, log)
		}
	}
}

func TestWithoutAFolderEverythingIsPassedOnAndNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "")
		for range 3 {
			d := whole(catalogOf(1, "a"))
			s.in <- d
			if got := <-s.out; len(got.Set) != 1 {
				t.Errorf("came %v", got)
			}
		}
		if st := s.Status(); st != (Status{}) {
			t.Errorf("%+v", st)
		}
	})
}
