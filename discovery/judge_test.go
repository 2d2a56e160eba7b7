package discovery

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

func TestNothingIsTakenAwayOnTheWordOfOneServer(t *testing.T) {
	fake := many(20, 10)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if !strings.HasPrefix(req.URL.Path, healthPath) || req.URL.Query().Has("consistent") {
				return nil, nil
			}
			return consultest.Answer(200, 900, `[{"Node":{"Node":"n","Address":"10.0.0.1"},"Service":{"ID":"a0","Service":"`+strings.TrimPrefix(req.URL.Path, healthPath)+`","Port":80}}]`), nil
		})
		time.Sleep(time.Minute)
		if _, n := r.now(); n != 1 || r.instances() != 200 {
			t.Errorf("%d instances of 200 are left, after %d Deltas", r.instances(), n)
		}
	})
}

func TestWhereNothingIsAllowedUnlessSaidAServiceCanStillGo(t *testing.T) {
	fake := newFakeConsul("a", "b")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Query().Has("index") {
				return nil, nil
			}
			return fake.withHeader(req.URL.Path, "X-Consul-Default-Acl-Policy", "deny"), nil
		})
		fake.set("a", -1)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if c, _ := r.now(); len(c.Services) != 1 {
			t.Errorf("still there: %v, status %+v", names(c), r.Status())
		}
	})
}

func TestGarbageChangesNothing(t *testing.T) {
	for name, spoiled := range map[string]func() (*http.Response, error){
		"a page":          func() (*http.Response, error) { return consultest.Answer(200, 900, "<html>Sign in</html>"), nil },
		"null":            func() (*http.Response, error) { return consultest.Answer(200, 900, "null"), nil },
		"nothing":         func() (*http.Response, error) { return consultest.Answer(200, 900, ""), nil },
		"half":            func() (*http.Response, error) { return consultest.Answer(200, 900, `[{"Node":`), nil },
		"another type":    func() (*http.Response, error) { return consultest.Answer(200, 900, `"x"`), nil },
		"empty, no index": func() (*http.Response, error) { return consultest.Answer(200, 0, "[]"), nil },
		"another datacenter's": func() (*http.Response, error) {
			return consultest.Answer(200, 900, `[{"Node":{"Node":"n","Address":"10.9.9.9","Datacenter":"dc2"},"Service":{"ID":"a0","Service":"a","Port":80}}]`), nil
		},
		"a redirect": func() (*http.Response, error) { return consultest.Answer(302, 900, ""), nil },
		"not found":  func() (*http.Response, error) { return consultest.Answer(404, 900, "[]"), nil },
		"no leader":  func() (*http.Response, error) { return consultest.Answer(500, 1, "No cluster leader"), nil },
		"denied":     func() (*http.Response, error) { return consultest.Answer(403, 1, "Permission denied"), nil },
		"too many requests": func() (*http.Response, error) {
			return consultest.Answer(429, 1, "Your IP is issuing too many concurrent connections"), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeConsul("a", "b")
			inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
				fake.spoilWith(func(*http.Request) (*http.Response, error) { return spoiled() })
				fake.take()
				fake.set("a", 2)
				fake.set("b", -1)
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				if c, n := r.now(); n != 1 || len(c.Services) != 2 {
					t.Errorf("%d Deltas, catalog %v", n, names(c))
				}
				if n := len(fake.take()); n > 3*60 {
					t.Errorf("asked %d times in 5 minutes", n)
				}
				if p := r.Status().Problems; len(p) == 0 || p[0].Remedy == "" {
					t.Errorf("problems: %+v", p)
				}
				if n := r.log.Count("level=WARN"); n > 2 {
					t.Errorf("%d warnings", n)
				}
				fake.resume()
				time.Sleep(time.Minute)
				synctest.Wait()
				if c, _ := r.now(); len(c.Services) != 1 || !r.has("a", catalog.Passing, catalog.Passing)(c) {
					t.Errorf("afterwards: %v", names(c))
				}
			})
		})
	}
}

func TestAConsulThatDoesNotWaitIsNotAskedWithoutEnd(t *testing.T) {
	fake := newFakeConsul("a")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, healthPath) {
				return consultest.Answer(200, 12, `[{"Node":{"Node":"n","Address":"10.0.0.1"},"Service":{"ID":"a0","Service":"a","Port":80}}]`), nil
			}
			return nil, nil
		})
		fake.take()
		time.Sleep(10 * time.Minute)
		if n := len(fake.take()); n < 200 || n > 900 {
			t.Errorf("asked %d times in 10 minutes: neither in time nor in a hurry", n)
		}
	})
}
