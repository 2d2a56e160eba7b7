package watch

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/internal/logtest"
)

func isOver(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Loops fail and recover one after the other, for this reason or that: the log and the status tell
// of kinds of failures, however many loops have them, and never of one that nobody has.
func TestWhatFailsIsToldByKind(t *testing.T) {
	log := &logtest.Buffer{}
	tr := newOutages(slog.New(slog.NewTextHandler(log, nil)))
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	away, denial := errors.New("connection refused"), api.StatusError{Code: 403, Body: "Permission denied"}
	unknown := api.StatusError{Code: 403, Body: "ACL not found"}
	problems := func() map[string]catalog.Problem {
		var s Status
		tr.describe(&s)
		all := map[string]catalog.Problem{}
		for _, p := range s.Problems {
			all[p.Kind] = p
		}
		if s.Connected != (len(all) == 0 && !s.LastSuccess.IsZero()) {
			t.Errorf("connected %v, with %d problems", s.Connected, len(all))
		}
		return all
	}
	if sick := tr.sickness(); len(problems()) > 0 || isOver(sick) || tr.failing("catalog") {
		t.Error("something is wrong before anything was asked")
	}

	sick, back := tr.sickness(), tr.recovery()
	tr.failed("service/a", away, at(0))
	if !isOver(sick) || isOver(tr.sickness()) {
		t.Error("who waits for the first failure does not hear of it, or hears for ever")
	}
	sick = tr.sickness()
	tr.failed("service/b", io.EOF, at(1))
	tr.failed("catalog", away, at(2))
	tr.failed("service/a", away, at(3))
	if isOver(sick) || isOver(back) {
		t.Error("a second failure is none of the first, and no recovery")
	}
	p := problems()["unreachable"]
	if p.Queries != 2 || !p.Since.Equal(at(0)) || !strings.Contains(p.Detail, "connection refused (of a, the catalog)") {
		t.Errorf("problem: %+v", p)
	}
	if p := problems()["garbage"]; p.Queries != 1 || !strings.Contains(p.Detail, "(of b)") {
		t.Errorf("problem: %+v", p)
	}
	if n := log.Count("level=WARN"); n != 2 {
		t.Errorf("%d warnings for two kinds", n)
	}

	tr.answered("canary", at(4)) // it never failed
	if isOver(back) {
		t.Error("what never failed has not recovered")
	}
	tr.answered("service/b", at(5))
	if !isOver(back) || isOver(tr.recovery()) || tr.failing("service/b") || log.Count("consul is better") != 1 {
		t.Error("who waits for a recovery does not hear of it, or hears for ever")
	}
	back = tr.recovery()
	tr.failed("catalog", denial, at(6)) // for another reason now
	if p := problems(); p["unreachable"].Queries != 1 || p["denied"].Queries != 1 || p["garbage"].Queries != 0 {
		t.Errorf("problems: %+v", p)
	}
	tr.failed("service/c", denial, at(7))
	tr.failed("service/c", unknown, at(8)) // the same kind, and another remedy
	if p := problems()["denied"]; p.Queries != 2 || !strings.Contains(p.Remedy, "does not know this token") {
		t.Errorf("problem: %+v", p)
	}
	tr.forget("service/c", at(9)) // who stood for all: another does now
	if p := problems()["denied"]; p.Queries != 1 || !strings.Contains(p.Detail, "Permission denied") || !strings.Contains(p.Remedy, "service:read") {
		t.Errorf("problem: %+v", p)
	}
	if isOver(back) {
		t.Error("a loop that ended has not recovered")
	}
	tr.answered("catalog", at(10))
	tr.answered("service/a", at(11))
	if n := log.Count("consul is back"); n != 1 || len(problems()) != 0 || log.Count("consul is better") != 2 {
		t.Errorf("%d lines tell that consul is back, problems %+v", n, problems())
	}
	var s Status
	tr.describe(&s)
	if !s.Connected || !s.LastSuccess.Equal(at(11)) || !s.LastErrorAt.Equal(at(8)) || s.LastError != unknown.Error() {
		t.Errorf("status: %+v", s)
	}
}

// A short outage that comes again is counted; one that lasts has its line even so.
func TestAnOutageThatLastsIsToldEvenIfItCameBefore(t *testing.T) {
	log := &logtest.Buffer{}
	tr := newOutages(slog.New(slog.NewTextHandler(log, nil)))
	now, away := time.Now(), errors.New("connection refused")
	for range 4 {
		tr.failed("catalog", away, now)
		tr.answered("catalog", now.Add(time.Second))
		now = now.Add(30 * time.Second)
	}
	if told, back := log.Count("does not answer as it should"), log.Count("consul is back"); told != seriesLines || back != seriesLines {
		t.Errorf("%d lines for four outages, %d for their ends", told, back)
	}
	var s Status
	tr.describe(&s)
	if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Detail, "4 times so far") || !s.Connected {
		t.Errorf("problems: %+v", s.Problems)
	}
	tr.failed("catalog", away, now)
	tr.failed("catalog", away, now.Add(seriesLasts-time.Second))
	if n := log.Count("does not answer as it should"); n != seriesLines {
		t.Error("it has not lasted yet")
	}
	s = Status{}
	if tr.describe(&s); len(s.Problems) != 1 || s.Problems[0].Queries != 1 {
		t.Errorf("problems: %+v", s.Problems)
	}
	for range 2 {
		tr.failed("catalog", away, now.Add(seriesLasts))
		if n := log.Count("does not answer as it should"); n != seriesLines+1 {
			t.Errorf("%d lines after it lasted", n)
		}
	}
	tr.answered("catalog", now.Add(seriesSum))
	if n := log.Count("again and again"); n != 1 || log.Count("times=2") != 1 {
		t.Errorf("the log does not sum up the two outages without a line:\n%s", log)
	}
}

func TestWhatPoliciesHideIsSaidOnceAndAsLongAsItIsSo(t *testing.T) {
	log := &logtest.Buffer{}
	h := &filteredAnswers{log: slog.New(slog.NewTextHandler(log, nil)), in: map[string]struct{}{}}
	now := time.Now()
	h.note("catalog", false, now)
	if len(h.problems()) > 0 {
		t.Error("nothing is hidden")
	}
	h.note("catalog", true, now)
	h.note("service/a", true, now.Add(time.Minute))
	if p := h.problems(); len(p) != 1 || p[0].Queries != 2 || !p[0].Since.Equal(now) || !strings.Contains(p[0].Detail, "catalog") {
		t.Errorf("problems: %+v", p)
	}
	h.note("catalog", false, now)
	h.note("service/a", false, now)
	if len(h.problems()) > 0 || log.Count("\n") != 1 {
		t.Errorf("it is over: %+v\n%s", h.problems(), log)
	}
}

// Who stands for a kind of failure after another recovered does so with what it had last.
func TestWhoStandsForOthersSaysWhatItHadLast(t *testing.T) {
	o := newOutages(slog.New(slog.DiscardHandler))
	now := time.Now()
	o.failed("service/a", errors.New("refused at first"), now)
	o.failed("service/b", errors.New("refused, too"), now)
	o.failed("service/b", errors.New("no route"), now)
	o.answered("service/a", now)
	var s Status
	if o.describe(&s); len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Detail, "no route (of b)") {
		t.Errorf("problems: %+v", s.Problems)
	}
}
