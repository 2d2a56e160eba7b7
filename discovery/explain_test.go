package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"legate/discovery/catalog"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"
)

// Two waits that end alike, one after the other, were cut by something; what else may look so was not.
func TestWhichLostConnectionsWereCutByAProxy(t *testing.T) {
	type lost struct {
		at, took float64 // seconds; a question that waits for nothing took 0
		cut      bool
	}
	for name, story := range map[string][]lost{
		"two alike, one after the other":              {{30, 30, false}, {60, 30, true}, {90, 30, true}, {120.5, 30.5, true}},
		"two that were opened together":               {{30, 30, false}, {30.1, 30.1, false}, {60, 30, true}},
		"not alike":                                   {{30, 30, false}, {50, 20, false}, {90, 40, false}},
		"as alike as a twentieth":                     {{100, 100, false}, {205, 105, true}},
		"more than a second apart where that is more": {{10, 10, false}, {21.1, 11.1, false}},
		"a second apart":                              {{10, 10, false}, {21, 11, true}},
		"too short":                                   {{4.9, 4.9, false}, {9.8, 4.9, false}},
		"not too short":                               {{5, 5, false}, {10, 5, true}},
		"Consul was away between":                     {{30, 30, false}, {31, 0, false}, {61, 30, false}, {91, 30, true}},
		"Consul is away afterwards":                   {{30, 30, false}, {60, 30, true}, {61, 0, false}, {91, 30, false}},
		"the limit was changed":                       {{30, 30, false}, {60, 30, true}, {120, 60, false}, {180, 60, true}},
	} {
		var e explainer
		start := time.Now()
		for i, l := range story {
			r := reply{at: start.Add(time.Duration(l.at * 1e9)), took: time.Duration(l.took * 1e9)}
			if l.took > 0 {
				r.question.index = 7
			}
			if got := e.cuts(r, errClosed); got != l.cut {
				t.Errorf("%s: the lost connection %d is cut: %v, want %v", name, i, got, l.cut)
			}
		}
	}
	if (&explainer{}).cuts(reply{}, errLate) {
		t.Error("what was late is no lost connection")
	}
	if remedy := (waitCut{after: 6 * time.Second}).remedy(); !strings.Contains(remedy, "--consul-wait 5s") {
		t.Errorf("remedy: %s", remedy)
	}
}

func TestADatacenterThatIsNotReachedIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, says := 0, `["dc2","dc1"]`
		cfg := fakeConfig()
		cfg.Datacenter = "dc9"
		c, err := newConsul(cfg, slog.New(slog.DiscardHandler), roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/v1/catalog/datacenters" {
				return respond(500, 0, "No path to datacenter"), nil
			}
			if asked++; says == "" {
				return respond(500, 0, "no"), nil
			}
			return respond(200, 0, says), nil
		}))
		must(t, err)
		ask := func() error {
			t.Helper()
			_, _, err := c.health(t.Context(), "web", question{})
			if failureOf(err) != unavailable {
				t.Errorf("%v is %s", err, failureOf(err))
			}
			return err
		}
		for range 3 {
			if err := ask(); !strings.Contains(err.Error(), "it knows dc1, dc2") || !strings.Contains(remedyOf(err), "put --datacenter right") {
				t.Errorf("%v: %s", err, remedyOf(err))
			}
		}
		time.Sleep(29 * time.Second)
		if err := ask(); err == nil || asked != 1 {
			t.Errorf("asked for the datacenters %d times in half a minute", asked)
		}
		time.Sleep(time.Second)
		says = `["dc9"]`
		if err := ask(); asked != 2 || !strings.Contains(remedyOf(err), "does not reach its servers") {
			t.Errorf("asked %d times: %s", asked, remedyOf(err))
		}
		time.Sleep(30 * time.Second)
		says = ""
		if err := ask(); strings.Contains(err.Error(), "it knows") || remedyOf(err) != unavailable.remedy() {
			t.Errorf("%v: %s", err, remedyOf(err))
		}
	})
}

func TestAProxyThatGivesUpIsLateOrCutsTheWait(t *testing.T) {
	cfg := fakeConfig()
	c, err := newConsul(cfg, slog.New(slog.DiscardHandler), roundTrip(func(*http.Request) (*http.Response, error) {
		return respond(504, 0, "upstream request timeout"), nil
	}))
	must(t, err)
	if _, _, err := c.health(t.Context(), "web", question{}); failureOf(err) != late {
		t.Errorf("a question that needs no waiting: %s", failureOf(err))
	}
	if _, _, err := c.health(t.Context(), "web", question{index: 7}); failureOf(err) != waiting {
		t.Errorf("one that waits: %s", failureOf(err))
	}
}

func TestEachDoubtAndFailureHasWordsOfItsOwn(t *testing.T) {
	said := map[string]bool{}
	for _, d := range []doubt{noIndex, indexOne, indexBack, indexStuck, filtered, untrue, hiding, foreign} {
		if text := d.String(); text == string(d) || said[text] {
			t.Errorf("%q is said as %q", string(d), text)
		} else {
			said[text] = true
		}
	}
	if wrongState.String() != "status" {
		t.Error("a doubt without words has its name")
	}
	for _, f := range []failure{unreachable, late, waiting, denied, busy, unavailable, refused, garbage, doubtful, cut, elsewhere} {
		if text := f.remedy(); text == "" || said[text] {
			t.Errorf("the remedy of %q is %q", f, text)
		} else {
			said[text] = true
		}
	}
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	if text := (notBelieved{indexOne, until}).Error(); !strings.Contains(text, "believed if it is the same after 03:04:05") {
		t.Errorf("an end is not said: %s", text)
	}
	if text := (notBelieved{doubt: indexOne}).Error(); strings.Contains(text, "same") {
		t.Errorf("an end is said that there is not: %s", text)
	}
}

// agentOf lets the agent say its datacenter, or what it is told to answer.
func agentOf(code int, body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/v1/agent/self" {
			return respond(code, 0, body), nil
		}
		return nil, nil
	}
}

func TestReadReadsAllOnceOrSaysWhyNot(t *testing.T) {
	ours := agentOf(200, `{"Config":{"Datacenter":"dc7"}}`)
	at := func(path string, code int, body string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == path {
				return respond(code, 9, body), nil
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
				return respond(403, 0, "Permission denied"), nil
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
		cfg.Datacenter, cfg.Exclude = "", []string{"left-*"}
		w := watcherOver(t, cfg, fake, io.Discard)
		got, err := w.Read(t.Context())
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || got != nil {
				t.Errorf("%s: %v, %v, want it to say %q", c.name, names(got), err, c.says)
			}
			continue
		}
		if key := (catalog.ServiceKey{Datacenter: "dc7", Name: name(3)}); err != nil || len(got) != 4 || len(got[key].Instances) != 1 || w.Status().Datacenter != "dc7" {
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
		cfg.FilteredExpected = true
		began := time.Now()
		got, err := watcherOver(t, cfg, fake, io.Discard).Read(t.Context())
		if took := time.Since(began); err != nil || len(got) > 0 || took < cfg.Guard.Confirm || took > cfg.Guard.Confirm+time.Second {
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
		cfg.Datacenter = ""
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
		cfg.Datacenter = ""
		if err := watcherOver(t, cfg, fake, io.Discard).Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestConsulSaysThatItHasTooManyConnections(t *testing.T) {
	many := api.StatusError{Code: 429, Body: "Your IP is issuing too many concurrent connections"}
	if !isCrowded(many) || isCrowded(api.StatusError{Code: 429, Body: "slow down"}) || !isCrowded(errClosed) || isCrowded(errLate) {
		t.Error("which errors mean too many connections")
	}
	if r := (crowded{many}).remedy(); r != fewerConnections {
		t.Errorf("remedy: %s", r)
	}
	if r := (crowded{errClosed}).remedy(); !strings.Contains(r, fewerConnections) || !strings.Contains(r, unreachable.remedy()) {
		t.Errorf("remedy: %s", r)
	}
}

func TestWhatIsSecretInAnAddressIsNotPrinted(t *testing.T) {
	for in, want := range map[string]string{
		"http://a:8500": "http://a:8500", "http://user:pass@a": "http://***@a", "user:p://x@a": "***@a", "x@y@a?q=1": "***@a?***",
		"a?token=s": "a?***", "?s": "?***", "#s": "#***", "@a": "***@a", "http://https://u@a": "http://https://***@a",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: printed as %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{"a:0", "a:65536", "a:x", "a:", "http://", "http:///x", "u@a:1", "[::1:80", "a\tb:1", "x://a:1"} {
		if a, err := parseAddress(bad, ""); err == nil {
			t.Errorf("%q is taken for %v", bad, a)
		}
	}
	for in, host := range map[string]string{"a:1": "a:1", "a:65535": "a:65535", "unix:///s": "localhost"} {
		if a, err := parseAddress(in, ""); err != nil || a.host() != host {
			t.Errorf("%q: host %q, %v", in, a.host(), err)
		}
	}
}

func TestTheBoundsOfTheConfig(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Config)
		good   bool
	}{
		"least connections":   {func(c *Config) { c.MaxConnections = minConnections }, true},
		"fewer":               {func(c *Config) { c.MaxConnections = minConnections - 1 }, false},
		"shortest wait":       {func(c *Config) { c.Wait = time.Second }, true},
		"shorter":             {func(c *Config) { c.Wait = time.Second - 1 }, false},
		"longest wait":        {func(c *Config) { c.Wait = 10 * time.Minute }, true},
		"longer":              {func(c *Config) { c.Wait = 10*time.Minute + 1 }, false},
		"one first read":      {func(c *Config) { c.FirstReads = 1 }, true},
		"one back-off":        {func(c *Config) { c.BackoffMin, c.BackoffMax = 1, 1 }, true},
		"no back-off":         {func(c *Config) { c.BackoffMin, c.BackoffMax = 0, 1 }, false},
		"back-off backwards":  {func(c *Config) { c.BackoffMin, c.BackoffMax = 2, 1 }, false},
		"no sweep":            {func(c *Config) { c.SweepPeriod = 0 }, false},
		"a sweep":             {func(c *Config) { c.SweepPeriod, c.SweepRate = 1, 1 }, true},
		"a key alone":         {func(c *Config) { c.TLS.KeyFile = "x" }, false},
		"a glob of spaces":    {func(c *Config) { c.Exclude = []string{" "} }, false},
		"a guard that is not": {func(c *Config) { c.Guard.Confirm = -1 }, false},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		if err := cfg.Validate(); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
	bad := DefaultConfig()
	bad.Wait, bad.FirstReads = 0, 0
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "wait") || !strings.Contains(err.Error(), "first reads") {
		t.Errorf("not every mistake is named: %v", err)
	}
}

// An answer whose witness fails is not believed, and the question starts over.
func TestAnAnswerWithoutItsWitnessIsNotBelieved(t *testing.T) {
	s := &script{replies: []reply{{index: 5}, {index: 6, deny: true}, {index: 6}}, values: []string{"ab", "", "ab"}}
	q := s.query()
	q.judge = func(was seen, r reply, is sight) (verdict, doubt) {
		if is.weight == 0 {
			return witness, hiding
		}
		return believe, ""
	}
	no := errors.New("no witness")
	q.witness = func(context.Context) error { return no }
	_, _ = q.next(t.Context(), true)
	if _, err := q.next(t.Context(), true); !errors.Is(err, no) || !strings.Contains(err.Error(), hiding.String()) {
		t.Errorf("got %v", err)
	}
	if got, err := q.next(t.Context(), true); err != nil || got.value != "ab" || got.changed || s.asked[2] != (question{consistent: true}) {
		t.Errorf("got %+v, %v, asked %+v", got, err, s.asked)
	}
	if !slices.Equal(s.asked, []question{{consistent: true}, {index: 5}, {consistent: true}}) {
		t.Errorf("asked %v", fmt.Sprint(s.asked))
	}
}
