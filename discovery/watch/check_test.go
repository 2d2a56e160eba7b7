package watch

import (
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// alreadyRead is a service with n instances that was read, and what was told of it.
func (a *asking) alreadyRead(name string, n int) (*Service, Past) {
	a.t.Helper()
	a.service(name, n)
	s := a.watching(name)[0]
	a.Complete()
	time.Sleep(restful)
	for _, e := range told[Answered](a) {
		if e.Service == s {
			a.take(func(question) bool { return true })
			return s, Past{Reading: e.Reading, Index: e.Reply.Index, Answers: 1}
		}
	}
	a.t.Fatalf("%s was not told", name)
	return nil, Past{}
}

// A check asks the leader about a service, and with the list for that right after it, and tells what it saw.
func TestACheckAsksTheLeader(t *testing.T) {
	for _, list := range []bool{false, true} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			web, past := a.alreadyRead("web", 3)
			a.putAt(past.Index, healthPath+"web", entries("web", 1)) // its query hears nothing of it
			a.Check(t.Context(), web, past, list)
			got := told[Checked](a)
			if len(got) != 1 || got[0].Err != nil || got[0].Service != web || got[0].Past.Answers != 1 {
				t.Fatalf("with the list %v: told %+v", list, got)
			}
			if len(got[0].Reading.Service.Instances) != 1 || !got[0].Reply.Consistent {
				t.Errorf("with the list %v: read %+v", list, got[0].Answered)
			}
			if (got[0].List != nil) != list || list && !got[0].ListReply.Consistent {
				t.Errorf("with the list %v: the list is %v, %+v", list, got[0].List, got[0].ListReply)
			}
			asked := a.take(func(question) bool { return true })
			if want := map[bool]int{false: 1, true: 2}[list]; len(asked) != want || !asked[0].of("web") || !asked[0].consistent || !asked[want-1].consistent {
				t.Errorf("with the list %v: asked %+v", list, asked)
			}
			if s := a.Status(); len(s.Problems) > 0 {
				t.Errorf("problems: %+v", s.Problems)
			}
		})
	}
}

// A check knows what was told last: what is as before is no loss, and what is hidden was hidden before.
func TestACheckKnowsWhatWasTold(t *testing.T) {
	expected := func(cfg *Config, _ *consul.Config) { cfg.FilteredExpected = true }
	for _, filtered := range []bool{false, true} {
		inTime(t, expected, func(t *testing.T, a *asking) {
			web, past := a.alreadyRead("web", 3)
			past.Filtered = filtered
			about := a.after(web, past)
			if about.was != (previous{index: past.Index, weight: 3, filtered: filtered}) || !about.last.Equal(past.Reading) || about.index != 0 {
				t.Errorf("it knows %+v", about.was)
			}
			got, err := about.next(t.Context(), false)
			if err != nil || got.changed {
				t.Errorf("what is as before is told as changed: %v", err)
			}
		})
	}
}

// A check that fails is trouble with Consul if the list was to be read with it: nobody else tells of that. The trouble
// is over when a check is answered, when none is needed, or when the service is gone.
func TestAChecksFailureEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(a *asking, web *Service, past Past)
	}{
		{"it is answered", func(a *asking, web *Service, past Past) { a.Check(a.t.Context(), web, past, true) }},
		{"none is needed", func(a *asking, web *Service, _ Past) { a.EndChecks(web.Key) }},
		{"its service is gone", func(a *asking, web *Service, past Past) {
			a.spoilWith(only(isList, hang))
			a.Check(a.t.Context(), web, past, true)
			time.Sleep(time.Second)
			web.stop()
		}},
	} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			web, past := a.alreadyRead("web", 3)
			unlisted := func(q question) bool { return isList(q) && q.index == 0 }
			a.spoilWith(only(aboutOf("web"), refuse(500)))
			a.Check(t.Context(), web, past, false)
			if got := told[Checked](a); len(got) != 1 || got[0].Err == nil {
				t.Errorf("%s: told %+v", c.name, got)
			}
			if p := a.Status().Problems; len(p) != 1 || p[0].Queries != 1 {
				t.Errorf("%s: its own query tells of it, want nothing else: %+v", c.name, p)
			}
			a.spoilWith(nil)
			time.Sleep(time.Minute)
			a.spoilWith(only(unlisted, refuse(500)))
			a.Check(t.Context(), web, past, true)
			if got := told[Checked](a); len(got) != 1 || got[0].Err == nil || got[0].List != nil {
				t.Errorf("%s: told %+v", c.name, got)
			}
			if p := a.Status().Problems; len(p) != 1 || p[0].Queries != 1 || p[0].Kind != "unavailable" {
				t.Errorf("%s: problems %+v", c.name, p)
			}
			a.spoilWith(nil)
			c.end(a, web, past)
			time.Sleep(time.Second)
			if !a.Status().Connected {
				t.Errorf("%s: problems %+v", c.name, a.Status().Problems)
			}
			a.spoilWith(nil)
			time.Sleep(time.Minute)
		})
	}
}

// A confirmation asks the leader until there is an answer, tells it with its doubt, and fails no more then.
func TestAConfirmationAsksUntilThereIsAnAnswer(t *testing.T) {
	for _, doubt := range []bool{false, true} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			web, past := a.alreadyRead("web", 3)
			a.Unwatch(web, time.Now())
			gone := a.Watch(t.Context(), web.Key)
			a.spoilWith(only(aboutOf("web"), refuse(500)))
			a.Confirm(gone, past)
			time.Sleep(10 * time.Minute)
			asked := a.take(aboutOf("web"))
			if len(asked) < 10 || len(asked) > 200 || !asked[0].consistent || len(told[Confirmed](a)) > 0 {
				t.Errorf("asked %d times in 10 minutes", len(asked))
			}
			if p := a.Status().Problems; len(p) != 1 || p[0].Queries != 1 {
				t.Errorf("problems: %+v", p)
			}
			a.spoilWith(nil)
			if doubt {
				a.putAt(past.Index, healthPath+"web", entries("web", 1)) // less, at the index that it had
			} else {
				a.service("web", 1)
			}
			time.Sleep(31 * time.Second)
			got := told[Confirmed](a)
			if len(got) != 1 || got[0].Service != gone || got[0].Doubt != doubt || got[0].Past.Answers != 1 {
				t.Fatalf("told %+v, want a doubt: %v", got, doubt)
			}
			if len(got[0].Reading.Service.Instances) != 1 || !got[0].Reply.Consistent {
				t.Errorf("read %+v", got[0].Answered)
			}
			if !a.Status().Connected || a.outages.failing("confirm/web") {
				t.Errorf("status: %+v", a.Status())
			}
			a.take(aboutOf("web"))
			time.Sleep(5 * time.Minute)
			if n := len(a.take(aboutOf("web"))); n > 0 {
				t.Errorf("asked %d times after there was an answer", n)
			}
		})
	}
}

// A confirmation ends when its service is watched no more, and fails no more then.
func TestAConfirmationThatNobodyNeedsEnds(t *testing.T) {
	for name, spoil := range map[string]spoiler{"it fails": refuse(500), "it hangs": hang} {
		inTime(t, nil, func(t *testing.T, a *asking) {
			s := a.Watch(t.Context(), catalog.ServiceKey{Name: "web"})
			a.spoilWith(only(aboutOf("web"), spoil))
			a.Confirm(s, Past{})
			time.Sleep(10 * time.Second)
			a.Unwatch(s, time.Now())
			a.take(aboutOf("web"))
			time.Sleep(time.Minute)
			if n := len(a.take(aboutOf("web"))); n > 0 || !a.Status().Connected || len(told[Confirmed](a)) > 0 {
				t.Errorf("%s: asked %d times after that, status %+v", name, n, a.Status())
			}
		})
	}
}

// An odd answer of the leader with nothing before it is asked for again when it is believed if it is the same.
func TestAConfirmationInDoubtIsAskedForTwice(t *testing.T) {
	inTime(t, nil, func(t *testing.T, a *asking) {
		s := a.Watch(t.Context(), catalog.ServiceKey{Name: "web"})
		a.putAt(1, healthPath+"web", []any{})
		began := time.Now()
		a.Confirm(s, Past{})
		time.Sleep(a.apart)
		got := told[Confirmed](a)
		if asked := a.take(aboutOf("web")); len(asked) != 2 || len(got) != 1 || !got[0].Reply.At.Equal(began.Add(a.apart)) {
			t.Errorf("asked %+v, told %+v", asked, got)
		}
		if last := a.Status().LastSuccess; !last.Equal(time.Now()) {
			t.Errorf("the last answer of Consul's was at %v, want now", last)
		}
	})
}

// A check or a confirmation that is refused like every other name says nothing of its own.
func TestAChecksRefusalIsOfTheNameOnlyIfItIs(t *testing.T) {
	for name, ask := range map[string]func(*asking, *Service){
		"a check":        func(a *asking, s *Service) { a.Check(a.t.Context(), s, Past{}, true) },
		"a confirmation": func(a *asking, s *Service) { a.Confirm(s, Past{}) },
	} {
		for _, alone := range []bool{true, false} {
			inTime(t, nil, func(t *testing.T, a *asking) {
				s := a.Watch(t.Context(), catalog.ServiceKey{Name: "web"})
				a.spoilWith(only(func(q question) bool { return isService(q) && (q.of("web") || !alone) }, refuse(400)))
				ask(a, s)
				refused := len(told[Refused](a)) > 0
				if p := a.Status().Problems; refused != alone || (len(p) > 0) == alone {
					t.Errorf("%s of a name that is refused alone, %v: told %v, problems %+v", name, alone, refused, p)
				}
				a.Unwatch(s, time.Now())
			})
		}
	}
}
