package lastknown

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery"
)

// stage is a Shelf between a discovery and a bridge that the test plays.
type stage struct {
	*Shelf
	t     *testing.T
	log   *said
	in    chan discovery.Delta
	out   chan discovery.Delta
	stop  func()
	ended chan struct{} // closed when Run has ended
	ends  error         // and what it said

	mu     sync.Mutex
	consul discovery.Status
}

// said is a log that is read while it is written.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *stage) consulSays(st discovery.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consul = st
}

type consulOf struct{ *stage }

func (c consulOf) Status() discovery.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.consul
}

func newStage(t *testing.T, dir string) *stage {
	t.Helper()
	config := DefaultConfig()
	config.Dir, config.Scope = dir, Scope{}
	s := &stage{t: t, log: &said{}, in: make(chan discovery.Delta), out: make(chan discovery.Delta)}
	s.Shelf = New(config, slog.New(slog.NewTextHandler(s.log, nil)), nil)
	s.Load()
	ctx, cancel := context.WithCancel(t.Context())
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		s.ends = s.Run(ctx, consulOf{s}, s.in, s.out)
	}()
	s.stop = func() { cancel(); <-s.ended }
	t.Cleanup(func() {
		if s.stop(); s.ends != nil {
			t.Error(s.ends)
		}
	})
	return s
}

// from makes the folder of a Legate that was stopped at that moment, with that catalog.
func from(t *testing.T, believed time.Time, c discovery.Catalog) (dir string) {
	t.Helper()
	dir = t.TempDir()
	h := Header{Scope: Scope{Datacenter: "dc1"}, Believed: believed}
	if err := store(filepath.Join(dir, fileName), h, c); err != nil {
		t.Fatal(err)
	}
	return dir
}

// answers plays a Consul that answers now.
func (s *stage) answers() {
	s.consulSays(discovery.Status{Datacenter: "dc1", LastSuccess: time.Now()})
}

func whole(c discovery.Catalog) discovery.Delta { return discovery.Catalog{}.Diff(c) }

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
		was := catalog(2, "gone", "same", "shop")
		s := newStage(t, from(t, time.Now().Add(-time.Hour), was))
		time.Sleep(s.config.Grace - time.Millisecond)
		s.silent()
		time.Sleep(time.Millisecond)
		served := discovery.Catalog{}.Apply(<-s.out)
		if !served.Equal(was) {
			t.Errorf("served %v", served)
		}
		synctest.Wait()
		if st := s.Status(); !st.Stale || st.Services != 3 || st.Expired || !strings.Contains(st.Age(time.Now()), "1h0m3s ago") {
			t.Errorf("%+v %s", st, st.Age(time.Now()))
		}
		time.Sleep(23 * time.Hour)
		if !s.Status().Expired {
			t.Error("a day is over, and it is not expired")
		}
		s.silent()

		now := catalog(2, "new", "same")
		now[key("shop")] = catalog(1, "shop")[key("shop")]
		s.answers()
		s.in <- whole(now)
		d := <-s.out
		if len(d.Set) != 2 || len(d.Gone) != 1 || !served.Apply(d).Equal(now) {
			t.Errorf("then came %v", d)
		}
		synctest.Wait()
		if st := s.Status(); st.Stale || st.Services != 0 || st.Expired {
			t.Errorf("%+v", st)
		}
	})
}

func TestAConsulThatAnswersInTimeIsServedAndTheFileIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now(), catalog(2, "old")))
		now := catalog(2, "new")
		s.answers()
		s.in <- whole(now)
		if got := (discovery.Catalog{}).Apply(<-s.out); !got.Equal(now) {
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
		onDisk := func() discovery.Catalog {
			_, c, err := load(s.path, Scope{}, time.Hour, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		want := catalog(1, "a", "b")
		s.answers()
		s.in <- whole(want)
		<-s.out
		synctest.Wait()
		if !onDisk().Equal(want) {
			t.Fatalf("on disk: %v", onDisk())
		}

		// Many changes are few writes, and the last one is among them.
		for i := 2; i < 100; i++ {
			d := discovery.Delta{Set: []discovery.Service{catalog(i, "a")[key("a")]}, Gone: []discovery.ServiceKey{key("b")}}
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

		// What is not written yet is written at the end.
		s.in <- discovery.Delta{Gone: []discovery.ServiceKey{key("a")}}
		<-s.out
		s.stop()
		if len(onDisk()) != 0 {
			t.Errorf("on disk at the end: %v", onDisk())
		}
	})
}

func TestTheDateOfTheFileIsRenewedOnlyWhileConsulAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, t.TempDir())
		s.answers()
		s.in <- whole(catalog(1, "a"))
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
		s := newStage(t, from(t, time.Now().Add(-time.Hour), catalog(1, "a")))
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

func TestAFileOfAnotherDatacenterIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, from(t, time.Now(), catalog(1, "a")))
		s.consulSays(discovery.Status{Datacenter: "dc2"}) // the agent is there, its servers hang
		time.Sleep(time.Minute)
		s.silent()
		if n := strings.Count(s.log.String(), "another datacenter"); n != 1 {
			t.Errorf("said %d times: %s", n, s.log)
		}
		s.in <- discovery.Delta{}
		<-s.out
	})
}

// Nobody said which datacenter is to be served, and the agent was away when it was asked: the file
// had to be believed. It is served no longer than until the agent says otherwise, and nothing of
// another datacenter gets among it.
func TestWhatTurnsOutToBeOfAnotherDatacenterIsNotServedAnyLonger(t *testing.T) {
	for name, comes := range map[string]func(s *stage){
		"the agent says so":     func(s *stage) { time.Sleep(time.Second + time.Millisecond) },
		"its catalog comes too": func(s *stage) { s.in <- whole(catalog(1, "b")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, from(t, time.Now(), catalog(1, "a")))
				<-s.out
				time.Sleep(time.Minute)
				s.silent()
				s.consulSays(discovery.Status{Datacenter: "dc2"})
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

func TestAFileThatCannotBeUsedOrWrittenIsSaidOnceAndLegateGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, fileName, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		s := newStage(t, dir)
		s.answers()
		s.in <- whole(catalog(1, "a"))
		<-s.out
		time.Sleep(time.Hour)
		st := s.Status()
		if !strings.Contains(st.Unusable, "look at what is there") || st.Unwritten == "" {
			t.Errorf("%+v", st)
		}
		if n := strings.Count(s.log.String(), "cannot be written"); n != 1 {
			t.Errorf("said %d times: %s", n, s.log)
		}
		if err := os.RemoveAll(s.path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retryMost + s.config.Every)
		synctest.Wait()
		if st := s.Status(); st.Unwritten != "" || st.Unusable != "" || st.Written.IsZero() {
			t.Errorf("%+v", st)
		}
	})
}

// A folder that is away, as a disk that is not mounted yet, is waited for although nothing changes.
func TestAFolderThatComesLateGetsTheFileWithoutAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := filepath.Join(t.TempDir(), "disk")
		s := newStage(t, filepath.Join(disk, "state"))
		want := catalog(2, "a", "b")
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

// A write that fails again and again is tried less and less often, and no less than that.
func TestWritesThatFailAreTriedAgainAtAPaceThatSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var tries []time.Duration
		k := &keeper{every: time.Second, refresh: refreshEvery, wake: make(chan struct{}, 1), renewed: func() bool { return true },
			write: func(discovery.Catalog) error { tries = append(tries, time.Since(began)); return os.ErrPermission },
		}
		k.note(whole(catalog(1, "a")))
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
		defer cancel()
		k.run(ctx)
		want := []time.Duration{0, 5, 15, 35, 75, 135, 195, 240} // the last one because it ends
		if len(tries) != len(want) {
			t.Fatalf("tried after %v", tries)
		}
		for i := range want {
			if tries[i] != want[i]*time.Second {
				t.Errorf("tried after %v, want %v s", tries, want)
			}
		}
	})
}

func TestWithoutAFolderEverythingIsPassedOnAndNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "")
		for range 3 {
			d := whole(catalog(1, "a"))
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

// A disk can hang in any write, and nobody can end that: the end of the program does not wait for it.
func TestADiskThatHangsHoldsUpTheEndForSecondsOnlyAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		hung := make(chan time.Duration, 1)
		k := &keeper{every: time.Second, refresh: refreshEvery, wake: make(chan struct{}, 1), renewed: func() bool { return true },
			write: func(discovery.Catalog) error { <-release; return nil },
			hangs: func(since time.Duration) { hung <- since },
		}
		k.note(whole(catalog(1, "a")))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan time.Time, 1)
		go func() { k.run(ctx); ended <- time.Now() }()
		time.Sleep(time.Minute)
		select {
		case since := <-hung:
			if since != hangsAfter {
				t.Errorf("said after %v", since)
			}
		default:
			t.Error("nobody is told that the write hangs")
		}
		k.note(whole(catalog(2, "a"))) // never waits
		told := time.Now()
		cancel()
		if took := (<-ended).Sub(told); took > lastWrite {
			t.Errorf("the end took %v", took)
		}
	})
}

func TestAWriteThatHangsIsInTheStatusUntilItIsOver(t *testing.T) {
	s := New(Config{Dir: t.TempDir()}, slog.New(slog.DiscardHandler), nil)
	s.hangs(hangsAfter)
	if st := s.Status(); !strings.Contains(st.Unwritten, "has been under way for 10s") || !strings.Contains(st.Unwritten, "check that disk") {
		t.Errorf("%+v", st)
	}
	if err := s.write(discovery.Status{Datacenter: "dc1"}, catalog(1, "a")); err != nil || s.Status().Unwritten != "" {
		t.Errorf("%v %+v", err, s.Status())
	}
}

// A configuration that selects other services is read again. The file must be of that selection at
// once, or a restart while Consul is away would have nothing to serve.
func TestTheFileFollowsTheSelection(t *testing.T) {
	web := Scope{Include: []string{"web*"}}
	onDisk := func(t *testing.T, s *stage, scope Scope) (Header, discovery.Catalog) {
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
			s.in <- whole(catalog(1, "web-1", "web-2"))
			<-s.out
			time.Sleep(time.Minute)
			s.Rescope(web)
			if _, c := onDisk(t, s, web); !c.Equal(catalog(1, "web-1", "web-2")) {
				t.Errorf("on disk: %v", c)
			}
			s.silent() // the bridge has nothing to do
		})
	})
	t.Run("before discovery does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, t.TempDir())
			s.answers()
			s.in <- whole(catalog(1, "db", "web-1"))
			<-s.out
			time.Sleep(time.Minute)
			s.Rescope(web)
			if _, c := onDisk(t, s, web); !c.Equal(catalog(1, "web-1")) {
				t.Errorf("on disk: %v", c)
			}
		})
	})
	t.Run("at the stop, too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, t.TempDir())
			s.answers()
			s.in <- whole(catalog(1, "web-1"))
			<-s.out
			synctest.Wait()
			s.Rescope(web)
			s.stop()
			if _, c := onDisk(t, s, web); !c.Equal(catalog(1, "web-1")) {
				t.Errorf("on disk: %v", c)
			}
		})
	})
	t.Run("while it is served in Consul's place, and keeps its date", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			said := time.Now().Add(-time.Hour)
			s := newStage(t, from(t, said, catalog(1, "db", "web-1")))
			<-s.out
			s.consulSays(discovery.Status{LastSuccess: time.Now()}) // it answers some questions
			s.Rescope(web)
			if d := <-s.out; len(d.Set) != 0 || len(d.Gone) != 1 || d.Gone[0] != key("db") {
				t.Errorf("came %v", d)
			}
			if h, c := onDisk(t, s, web); !c.Equal(catalog(1, "web-1")) || !h.Believed.Equal(said) || h.Scope.Datacenter != "dc1" {
				t.Errorf("on disk: %+v %v", h, c)
			}
			time.Sleep(time.Hour) // and it is not renewed either
			s.answers()
			s.in <- whole(catalog(1, "web-2"))
			if d := <-s.out; len(d.Set) != 1 || len(d.Gone) != 1 || d.Gone[0] != key("web-1") {
				t.Errorf("came %v", d)
			}
			time.Sleep(time.Minute)
			if h, c := onDisk(t, s, web); !c.Equal(catalog(1, "web-2")) || !h.Believed.After(said) {
				t.Errorf("on disk: %+v %v", h, c)
			}
		})
	})
	t.Run("within the grace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, from(t, time.Now(), catalog(1, "db", "web-1")))
			s.Rescope(web)
			if got := (discovery.Catalog{}).Apply(<-s.out); !got.Equal(catalog(1, "web-1")) {
				t.Errorf("served %v", got)
			}
			onDisk(t, s, web)
		})
	})
	t.Run("an equal one is no reason to write", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, from(t, time.Now(), catalog(1, "a")))
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
