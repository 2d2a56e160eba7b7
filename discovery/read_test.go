package discovery

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

func TestReadReadsAllOnceOrSaysWhyNot(t *testing.T) {
	ours := agentOf(200, `{"Config":{"Datacenter":"dc7"}}`)
	at := func(path string, code int, body string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == path {
				return consultest.Answer(code, 9, body), nil
			}
			return ours(r)
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(*http.Request) (*http.Response, error)
		says  string // of the error; empty: there is none
	}{
		{"all is well", ours, ""},
		{"the agent does not tell its datacenter", agentOf(403, "Permission denied"), "--datacenter, or give the token agent:read"},
		{"the agent is something else", agentOf(200, `{}`), "no datacenter in it"},
		{"the agent is in trouble", agentOf(500, "no"), "500"},
		{"the list is not", at("/v1/catalog/services", 500, "No cluster leader"), "is there a leader"},
		{"the list is null", at("/v1/catalog/services", 200, "null"), "not an object"},
		{"a service and Consul's own are refused", func(r *http.Request) (*http.Response, error) {
			if p := r.URL.Path; p == healthPath+name(2) || p == healthPath+catalog.ConsulService {
				return consultest.Answer(403, 0, "Permission denied"), nil
			}
			return ours(r)
		}, "Permission denied"},
		{"a service is not", at(healthPath+name(2), 500, "rpc error"), "rpc error"},
	} {
		fake := many(4, 1)
		fake.put("empty", 0, 0, "passing")
		fake.put("left-out", 0, 1, "passing")
		fake.spoil = c.spoil
		cfg := fakeConfig()
		cfg.Consul.Datacenter, cfg.Exclude = "", []string{"left-*"}
		w := watcherOver(t, cfg, fake, io.Discard)
		got, err := w.Read(t.Context())
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || !got.Empty() {
				t.Errorf("%s: %v, %v, want it to say %q", c.name, names(got), err, c.says)
			}
			continue
		}
		if key := (catalog.ServiceKey{Datacenter: "dc7", Name: name(3)}); err != nil || len(got.Services) != 4 || len(got.Services[key].Instances) != 1 || w.Status().Datacenter != "dc7" {
			t.Errorf("%s: %v, %v, in %q", c.name, names(got), err, w.Status().Datacenter)
		}
	}
}

// What is in doubt is read a second time, after the time between two answers that must agree.
func TestReadAsksTwiceForWhatIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul()
		fake.changed = make(chan struct{}) // of this bubble
		fake.spoil = func(r *http.Request) (*http.Response, error) {
			return fake.withHeader(r.URL.Path, "X-Consul-Results-Filtered-By-ACLs", "true"), nil
		}
		fake.set("consul", -1)
		cfg := guardedConfig()
		cfg.Watch.FilteredExpected = true
		began := time.Now()
		got, err := watcherOver(t, cfg, fake, io.Discard).Read(t.Context())
		if took := time.Since(began); err != nil || len(got.Services) > 0 || took < cfg.Guard.Confirm || took > cfg.Guard.Confirm+time.Second {
			t.Errorf("%v, %v after %v", names(got), err, took)
		}
	})
}

// An agent that does not tell its datacenter is asked again, unless no asking would help.
func TestTheDatacenterIsAskedForUntilItIsTold(t *testing.T) {
	for _, c := range []struct {
		spoil  func(*http.Request) (*http.Response, error)
		most   int // questions in a minute
		within time.Duration
	}{
		{agentOf(500, "no"), 600, time.Second},
		{agentOf(200, "<html>"), 30, 31 * time.Second},
	} {
		fake := many(2, 1)
		fake.spoil = c.spoil
		cfg := guardedConfig()
		cfg.Consul.Datacenter = ""
		inTime(t, cfg, fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			if n := len(fake.take()); n < 5 || n > c.most {
				t.Errorf("asked %d times in a minute, want up to %d", n, c.most)
			}
			if s := r.Status(); s.Datacenter != "" || s.Connected || len(s.Problems) != 1 {
				t.Errorf("status: %+v", s)
			}
			fake.spoilWith(agentOf(200, `{"Config":{"Datacenter":"dc1"}}`))
			until(t, c.within, func() bool { return r.instances() == 2 && r.Status().Datacenter == "dc1" && r.Status().Connected })
		})
	}
	for code, says := range map[int]string{403: "--datacenter", 400: "(Bad request)"} {
		fake := many(2, 1)
		fake.spoil = agentOf(code, "Bad request")
		cfg := fakeConfig()
		cfg.Consul.Datacenter = ""
		if err := watcherOver(t, cfg, fake, io.Discard).Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// agentOf lets the agent say its datacenter, or what it is told to answer.
func agentOf(code int, body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/v1/agent/self" {
			return consultest.Answer(code, 0, body), nil
		}
		return nil, nil
	}
}
