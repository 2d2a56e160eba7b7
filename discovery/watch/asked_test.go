package watch

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/consul"
)

func read(took, seconds float64) consul.Reply {
	return consul.Reply{Took: time.Duration(took * float64(time.Second)), At: at(seconds)}
}

// The slowest questions are those of the last minutes, each once, and there are never more than ten. One that waits for a
// change is not slow.
func TestTheSlowestQuestionsAreRemembered(t *testing.T) {
	o := newRecord()
	slowest := func(seconds float64) (all string) {
		var a Asked
		o.show(&a, at(seconds))
		for _, s := range a.Slowest {
			all += fmt.Sprintf("%s %.0f, ", s.About, s.Seconds)
		}
		return strings.TrimSuffix(all, ", ")
	}
	if got := slowest(0); got != "" {
		t.Error(got)
	}
	waits := read(60, 0)
	waits.Question.Index = 7
	o.took("waits", "unchanged", waits)
	o.took("a", "changed", read(3, 1))
	o.took("b", "timeout", read(20, 2))
	o.took("a", "changed", read(1, 3))
	o.took("a", "changed", read(5, 4))
	if got := slowest(5); got != "b 20, a 5" {
		t.Error(got)
	}
	for n := range 1000 {
		o.took(fmt.Sprint("s", n), "changed", read(float64(n%100)/10, 6))
	}
	if got := slowest(7); !strings.HasPrefix(got, "b 20, s899 10, ") || strings.Count(got, ",") != maxSlow-1 {
		t.Error(got)
	}
	if allocs := testing.AllocsPerRun(100, func() { o.took("quick", "changed", read(0.001, 8)) }); allocs > 0 {
		t.Errorf("a quick question costs %v allocations", allocs)
	}
	o.took("late", "changed", read(2, 400))
	if got := slowest(401); !strings.HasPrefix(got, "b 20, ") {
		t.Errorf("of the window before are %s", got)
	}
	o.took("later", "changed", read(1, 710))
	if got := slowest(711); got != "late 2, later 1" {
		t.Errorf("after both windows: %s", got)
	}
	if got := slowest(5000); got != "" {
		t.Errorf("long after: %s", got)
	}
}

// Each reason has its own count and a remedy.
func TestRejectedAnswersAreCountedByReasonWithTheirRemedy(t *testing.T) {
	o := newRecord()
	for _, why := range []doubt{noIndex, indexOne, indexBack, indexStuck, filtered, contradicted, hidden} {
		o.rejects(why, `service "web"`, nil, at(1))
	}
	o.rejects("", "an answer that there was not", io.EOF, at(2))
	failed := fmt.Errorf("query: %w", api.StatusError{Code: 502, Body: "bad gateway"})
	o.rejects(doubtOf(failed), "the list of services", failed, at(3))
	o.rejects(doubtOf(failed), "the list of services", failed, at(4))
	var a Asked
	o.show(&a, at(5))
	if len(a.Rejected) != 8 {
		t.Fatalf("%+v", a.Rejected)
	}
	if first := a.Rejected[0]; first.Reason != "status" || first.Count != 2 || !first.Last.Equal(at(4)) || !strings.Contains(first.Detail, "502") || first.About != "the list of services" {
		t.Errorf("%+v", first)
	}
	for _, one := range a.Rejected {
		if one.Remedy == "" || one.Detail == "" || one.Detail == one.Reason {
			t.Errorf("%+v does not say what helps", one)
		}
	}
}

// What a query rejects, and how long it took, is remembered under what it asks about.
func TestAQueryRemembersWhatItRejects(t *testing.T) {
	s := &script{
		values:  []string{"ab", "abc", "abc"},
		replies: []consul.Reply{{Index: 9, At: at(1)}, {Index: 4, At: at(2)}, {Index: 9, At: at(3), Took: 3 * time.Second}},
	}
	q := s.query()
	q.about, q.record = "the script", newRecord()
	for range 2 {
		if _, err := q.next(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	var a Asked
	q.record.show(&a, at(4))
	if len(a.Rejected) != 1 || a.Rejected[0].Reason != string(indexBack) || len(a.Slowest) != 1 || a.Slowest[0].Seconds != 3 || a.Slowest[0].About != "the script" {
		t.Errorf("%+v", a)
	}
}

// An outage that is over stays known, and the last ones only.
func TestTheLastOutagesAreRemembered(t *testing.T) {
	o := newOutages(slog.New(slog.DiscardHandler))
	for n := range 2 * maxOutages {
		o.failed("service/a", errors.New("connection refused"), at(float64(100*n)))
		o.failed("service/b", errors.New("connection refused"), at(float64(100*n+1)))
		if failing, over := o.past(); failing != 2 || len(over) != min(n, maxOutages) {
			t.Fatalf("%d fail, %d are over", failing, len(over))
		}
		o.answered("service/a", at(float64(100*n+2)))
		o.answered("service/b", at(float64(100*n+3)))
	}
	failing, over := o.past()
	if failing != 0 || len(over) != maxOutages {
		t.Fatalf("%d fail, %d are over", failing, len(over))
	}
	if last := over[0]; !last.Since.Equal(at(1900)) || !last.Over.Equal(at(1903)) || last.Kind != consul.Unreachable || last.Detail != "connection refused" {
		t.Errorf("%+v", last)
	}
	if !over[1].Since.Equal(at(1800)) {
		t.Errorf("the newest are not first: %+v", over)
	}
}
