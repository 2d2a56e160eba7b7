package discovery

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
	"legate/internal/logtest"
)

// refusing answers questions about these services with a code of its own.
func refusing(code int, services ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if slices.Contains(services, strings.TrimPrefix(r.URL.Path, healthPath)) {
			return consultest.Answer(code, 0, "Bad request"), nil
		}
		return nil, nil
	}
}

func (r *reader) problem(kind string) (catalog.Problem, bool) {
	all := r.Status().Problems
	i := slices.IndexFunc(all, func(p catalog.Problem) bool { return p.Kind == kind })
	if i < 0 {
		return catalog.Problem{}, false
	}
	return all[i], true
}

// Consul refuses to be asked for names that are not printable, and lists them.
func TestNamesThatAreNotPrintableAreNotAskedForAndHoldNobodyUp(t *testing.T) {
	bad := []string{"a\u200bb", "new\nline", "\x1b[31mred", "\u202egnp.exe", "no\u00a0break"}
	fake := many(15, 1)
	for _, name := range bad {
		fake.put(name, 0, 1, "passing")
	}
	fake.spoil = refusing(400, bad...)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		if n := r.instances(); n != 15 {
			t.Fatalf("%d instances are served at once, want all 15 that can be asked for", n)
		}
		if s := r.Status(); !s.Complete || !s.Connected || len(s.Problems) > 0 || s.FirstSync.Total != 15 {
			t.Errorf("status: %+v", s)
		}
		for _, name := range bad { // so that what translates them says that they are left out, and why
			if n := r.size(name); n != 0 {
				t.Errorf("%q has %d instances in the catalog, want to see it there without any", name, n)
			}
		}
		time.Sleep(20 * time.Minute)
		for _, q := range fake.take() {
			if slices.Contains(bad, strings.TrimPrefix(q.path, healthPath)) {
				t.Errorf("asked for %q", q.path)
			}
		}
		fake.set(bad[0], -1)
		time.Sleep(2 * time.Second)
		if n := r.size(bad[0]); n != -1 {
			t.Errorf("%q has gone, and is still in the catalog", bad[0])
		}
		r.Select(catalog.Selection{Exclude: []string{"*red"}})
		if n := r.size(bad[2]); n != -1 || r.size(bad[3]) != 0 {
			t.Error("the selection does not count for names that are not printable")
		}
	})
}

func TestNamesThatAreNotPrintableComeFromNoSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := many(3, 1)
		fake.spoil = refusing(400, "a\u200bb")
		seed := seedOf("dc1", name(0))
		key := catalog.ServiceKey{Datacenter: "dc1", Name: "a\u200bb"}
		seed.Services[key] = catalog.Service{Key: key}
		if got, _ := seededWith(t, guardedConfig(), fake, seed); len(got.Services) != 3 {
			t.Errorf("handed out %v, want the three that Consul lists", names(got))
		}
	})
}

// However many names are refused, that is about these names, as long as others are answered.
func TestNamesThatAreRefusedAloneHoldNobodyUp(t *testing.T) {
	for _, code := range []int{400, 403, 404, 414} {
		fake := many(20, 1)
		bad := []string{name(1), name(3), name(5), name(7), name(9), name(11), name(13), name(15)}
		fake.spoil = refusing(code, bad...)
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Second)
			if n := r.instances(); n != 12 {
				t.Fatalf("%d: %d instances are served after a second, want the 12 that Consul answers for", code, n)
			}
			p, there := r.problem("refused_names")
			if !there || p.Services != 8 || !strings.Contains(p.Detail, bad[0]) || !strings.Contains(p.Detail, "Bad request") || p.Remedy == "" {
				t.Errorf("%d: problems: %+v", code, r.Status().Problems)
			}
			if s := r.Status(); !s.Connected || len(s.Problems) != 1 {
				t.Errorf("%d: status: %+v", code, s)
			}
			a := r.Asked()
			if len(a.Refused) != 8 || a.Refused[0].Name != bad[0] || a.Refused[0].Since.IsZero() || !strings.Contains(a.Refused[0].Detail, "Bad request") || a.Refused[0].Remedy != p.Remedy {
				t.Errorf("%d: refused are %+v", code, a.Refused)
			}
			if a.Watches != (Watches{List: 1, Entries: a.Watches.Entries, Direct: 20}) || a.Failing != 0 || len(a.Rejected) != 1 || a.Rejected[0].Reason != "status" {
				t.Errorf("%d: %+v", code, a)
			}
			if n := r.log.Count("refuses to answer"); n == 0 || n > tallyLines {
				t.Errorf("%d lines tell of it", n)
			}
			fake.resume()
			until(t, 31*time.Second, func() bool { return r.instances() == 20 })
			if p := r.Status().Problems; len(p) > 0 || len(r.Asked().Refused) > 0 {
				t.Errorf("%d: problems: %+v, refused: %+v", code, p, r.Asked().Refused)
			}
		})
	}
}

// One that was read, and is refused from then on, stays as it was.
func TestANameThatIsRefusedLaterStays(t *testing.T) {
	fake := many(5, 1)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		fake.spoilWith(refusing(400, name(2)))
		time.Sleep(10 * time.Minute)
		if p, there := r.problem("refused_names"); !there || !strings.Contains(p.Detail, name(2)) || r.instances() != 5 || !r.Status().Connected {
			t.Errorf("%d instances, status: %+v", r.instances(), r.Status())
		}
		fake.resume() // and nothing has changed
		until(t, 31*time.Second, func() bool { return len(r.Status().Problems) == 0 })
	})
}

// Where all are refused, or too much is asked, it is not about a name.
func TestARefusalOfAllIsNotAboutTheirNames(t *testing.T) {
	for what, spoil := range map[string]func(*http.Request) (*http.Response, error){
		"all names but Consul's own": func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, healthPath) && !strings.HasSuffix(r.URL.Path, "/consul") {
				return consultest.Answer(403, 0, "no"), nil
			}
			return nil, nil
		},
		"every question about a service": func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, healthPath) {
				return consultest.Answer(404, 0, "404 page not found"), nil
			}
			return nil, nil
		},
		"too many questions": refusing(429, name(1), name(2), name(3)),
	} {
		fake := many(5, 1)
		fake.spoil = spoil
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Hour)
			synctest.Wait()
			if c, n := r.now(); n != 0 {
				t.Errorf("%s: handed out %v", what, names(c))
			}
		})
	}
}

func TestReadLeavesOutNamesThatAreRefused(t *testing.T) {
	fake := many(4, 1)
	fake.put("a\u200bb", 0, 1, "passing")
	fake.spoil = refusing(400, name(1), "a\u200bb")
	log := &logtest.Buffer{}
	w := watcherOver(t, fakeConfig(), fake, log)
	c, err := w.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := names(c); !slices.Equal(got, []string{"a\u200bb:0", "svc-000:1", "svc-002:1", "svc-003:1"}) {
		t.Errorf("read %v", got)
	}
	if log.Count("service="+name(1)) != 1 || log.Count("refuses to answer") != 1 {
		t.Errorf("the log does not say what is left out:\n%s", log)
	}
	fake.spoilWith(refusing(400, name(0), name(1), name(2), name(3)))
	if _, err := watcherOver(t, fakeConfig(), fake, log).Read(t.Context()); err == nil {
		t.Error("nothing could be read, and that is no error")
	}
}
