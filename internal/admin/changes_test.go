package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"legate/internal/changes"
)

// recorded is a server with a record.
func recorded(t *testing.T) (*changes.Record, func(query string) (Changes, *httptest.ResponseRecorder)) {
	t.Helper()
	r := changes.New()
	s := healthy().server()
	s.rooms.Changes = r
	s.now = time.Now
	h := s.Handler()
	return r, func(query string) (out Changes, w *httptest.ResponseRecorder) {
		t.Helper()
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/changes?"+query, nil))
		if w.Code == http.StatusOK {
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
				t.Fatal(err)
			}
		}
		return out, w
	}
}

func appeared(service string, kind changes.Kind, ago time.Duration) changes.Change {
	at := time.Now().Add(-ago)
	return changes.Change{Kind: kind, At: at, Answered: at.Add(-12 * time.Millisecond), Published: at, Services: []string{service}, Index: 7,
		Lines: []changes.Line{{Op: changes.Plus, What: "service"}, {Op: changes.Plus, What: "instance", Instance: "n1/web-1", Address: "10.0.0.7:80", Detail: "weight 3"}}}
}

func TestChangesAreAnswered(t *testing.T) {
	r, get := recorded(t)
	if out, _ := get(""); out.Changes == nil || len(out.Changes) != 0 {
		t.Errorf("%+v", out)
	}
	r.Add(appeared("web", changes.Service, time.Hour), appeared("api", changes.Service, time.Minute), appeared("web", changes.Policy, 0))
	numbers := func(out Changes) (all string) {
		for _, c := range out.Changes {
			all += fmt.Sprint(c.ID.Number, " ")
		}
		return all
	}
	all, w := get("")
	if numbers(all) != "3 2 1 " || w.Header().Get("ETag") == "" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s: %v", numbers(all), w.Header())
	}
	if c := all.Changes[0]; c.Seconds != 0.012 || len(c.Text) != 2 || c.Text[1] != "+ 10.0.0.7:80 (weight 3)" || c.Index != 7 {
		t.Errorf("%+v", c)
	}
	first := func(n int) string { id, _ := all.Changes[n].ID.MarshalText(); return string(id) }
	for query, want := range map[string]string{
		"service=web": "3 1 ", "service=we": "", "kind=policy": "3 ", "kind=policy,service": "3 2 1 ", "kind=hold": "", "since=10m": "3 2 ",
		"since=" + url.QueryEscape(time.Now().Add(-30*time.Second).Format(time.RFC3339)): "3 ",
		"limit=2": "3 2 ", "limit=2&before=" + first(1): "1 ",
		"after=": "1 2 3 ", "after=" + first(2): "2 3 ", "after=" + first(2) + "&limit=1": "2 ", "after=" + first(0): "", "after=other-9": "1 2 3 ",
	} {
		if out, w := get(query); numbers(out) != want || w.Code != http.StatusOK {
			t.Errorf("%s: %d %s, want %s", query, w.Code, numbers(out), want)
		}
	}
	if out, _ := get("after=other-9"); !out.Missed {
		t.Error("who followed another start is not told")
	}
	for query, want := range map[string]string{
		"kind=x": "snapshot service policy", "since=soon": "such as 10m", "since=-1m": "such as 10m", "limit=0": "from 1 to 1000", "before=x": "is not the id of a change", "after=x": "is not the id of a change",
		"after=&before=a-1": "one of the two", "wait=1s": "with after=ID", "after=&wait=31s": "up to 30s", "service=" + strings.Repeat("x", 300): "at most",
	} {
		if _, w := get(query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) || w.Body.Len() > 400 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if w := healthy().get(t, "/api/v1/changes"); w.Code != http.StatusNotFound {
		t.Errorf("without a record: %d", w.Code)
	}
}

// A request that waits is answered with the next change, after its time, and when Legate stops.
func TestARequestWaitsForTheNextChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, get := recorded(t)
		r.Add(appeared("web", changes.Service, 0))
		one, _ := get("")
		id, _ := one.Newest.MarshalText()
		began := time.Now()
		go func() { time.Sleep(3 * time.Second); r.Add(appeared("api", changes.Service, 0)) }()
		if out, _ := get("wait=30s&after=" + string(id)); len(out.Changes) != 1 || out.Changes[0].Services[0] != "api" || time.Since(began) != 3*time.Second {
			t.Errorf("%+v after %v", out, time.Since(began))
		}
		if out, _ := get("wait=2s&service=web&after=" + string(id)); len(out.Changes) != 0 || out.Next != out.Newest || time.Since(began) != 5*time.Second {
			t.Errorf("%+v after %v", out, time.Since(began))
		}
		s := healthy().server()
		s.rooms.Changes = r
		stops, stop := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); stop() }()
		req := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/changes?wait=30s&after="+r.Newest().String(), nil)
		s.changes(httptest.NewRecorder(), req.WithContext(context.WithValue(req.Context(), stopsKey{}, stops)))
		if time.Since(began) != 6*time.Second {
			t.Errorf("it waited until %v when Legate stopped after 6 s", time.Since(began))
		}
	})
}

// Whatever somebody registers, the answer is bounded and controls no terminal.
func TestChangesWithHostileNamesAreSafeToShow(t *testing.T) {
	r, get := recorded(t)
	evil := strings.Repeat("x\u202e\x1b[31m\n", 20_000)
	c := appeared(evil, changes.Service, 0)
	c.Lines[1].Address, c.Lines[1].Detail, c.Lines[1].Checks = evil, evil, []string{evil}
	r.Add(c)
	_, w := get("")
	if body := w.Body.String(); len(body) > 32<<10 || strings.ContainsFunc(body, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("%d bytes: %.300q", len(body), body)
	}
}
