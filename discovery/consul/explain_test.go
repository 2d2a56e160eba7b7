package consul

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/internal/consultest"
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
			r := Reply{At: start.Add(time.Duration(l.at * 1e9)), Took: time.Duration(l.took * 1e9)}
			if l.took > 0 {
				r.Question.Index = 7
			}
			if got := e.cuts(r, errClosed); got != l.cut {
				t.Errorf("%s: the lost connection %d is cut: %v, want %v", name, i, got, l.cut)
			}
		}
	}
	if (&explainer{}).cuts(Reply{}, ErrTimeout) {
		t.Error("what was late is no lost connection")
	}
	if remedy := (waitCut{after: 6 * time.Second}).remedy(); !strings.Contains(remedy, "--consul-wait 5s") {
		t.Errorf("remedy: %s", remedy)
	}
}

func TestADatacenterThatIsNotReachedIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, says := 0, `["dc2","dc1"]`
		cfg := DefaultConfig()
		cfg.Datacenter = "dc9"
		c, err := New(cfg, slog.New(slog.DiscardHandler), roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/v1/catalog/datacenters" {
				return consultest.Answer(500, 0, "No path to datacenter"), nil
			}
			if asked++; says == "" {
				return consultest.Answer(500, 0, "no"), nil
			}
			return consultest.Answer(200, 0, says), nil
		}))
		must(t, err)
		ask := func() error {
			t.Helper()
			_, _, err := c.Health(t.Context(), catalog.ServiceKey{Name: "web"}, Question{})
			if FailureOf(err) != Unavailable {
				t.Errorf("%v is %s", err, FailureOf(err))
			}
			return err
		}
		for range 3 {
			if err := ask(); !strings.Contains(err.Error(), "it knows dc1, dc2") || !strings.Contains(RemedyOf(err), "put --datacenter right") {
				t.Errorf("%v: %s", err, RemedyOf(err))
			}
		}
		time.Sleep(29 * time.Second)
		if err := ask(); err == nil || asked != 1 {
			t.Errorf("asked for the datacenters %d times in half a minute", asked)
		}
		time.Sleep(time.Second)
		says = `["dc9"]`
		if err := ask(); asked != 2 || !strings.Contains(RemedyOf(err), "does not reach its servers") {
			t.Errorf("asked %d times: %s", asked, RemedyOf(err))
		}
		time.Sleep(30 * time.Second)
		says = ""
		if err := ask(); strings.Contains(err.Error(), "it knows") || RemedyOf(err) != Unavailable.remedy() {
			t.Errorf("%v: %s", err, RemedyOf(err))
		}
	})
}

func TestAProxyThatGivesUpIsLateOrCutsTheWait(t *testing.T) {
	cfg := DefaultConfig()
	c, err := New(cfg, slog.New(slog.DiscardHandler), roundTrip(func(*http.Request) (*http.Response, error) {
		return consultest.Answer(504, 0, "upstream request timeout"), nil
	}))
	must(t, err)
	if _, _, err := c.Health(t.Context(), catalog.ServiceKey{Name: "web"}, Question{}); FailureOf(err) != Timeout {
		t.Errorf("a question that needs no waiting: %s", FailureOf(err))
	}
	if _, _, err := c.Health(t.Context(), catalog.ServiceKey{Name: "web"}, Question{Index: 7}); FailureOf(err) != WaitCut {
		t.Errorf("one that waits: %s", FailureOf(err))
	}
}

func TestEachFailureHasARemedyOfItsOwn(t *testing.T) {
	said := map[string]bool{}
	for _, f := range []Failure{Unreachable, Timeout, WaitCut, Denied, Busy, Unavailable, Refused, Garbage, Doubtful, Filtered, Foreign} {
		if text := f.remedy(); text == "" || said[text] {
			t.Errorf("the remedy of %q is %q", f, text)
		} else {
			said[text] = true
		}
	}
}

func TestConsulSaysThatItHasTooManyConnections(t *testing.T) {
	many := api.StatusError{Code: 429, Body: "Your IP is issuing too many concurrent connections"}
	if !isCrowded(many) || isCrowded(api.StatusError{Code: 429, Body: "slow down"}) || !isCrowded(errClosed) || isCrowded(ErrTimeout) {
		t.Error("which errors mean too many connections")
	}
	if r := (crowded{many}).remedy(); r != fewerConnections {
		t.Errorf("remedy: %s", r)
	}
	if r := (crowded{errClosed}).remedy(); !strings.Contains(r, fewerConnections) || !strings.Contains(r, Unreachable.remedy()) {
		t.Errorf("remedy: %s", r)
	}
}
