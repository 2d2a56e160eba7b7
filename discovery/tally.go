package discovery

import "time"

// Of a kind of event, tallyLines are logged one by one within tallySpan. Those beyond are summed up
// in one line: for the first time tallySoon after the span began, then once in each span.
const (
	tallyLines = 5
	tallySoon  = 2 * time.Second
	tallySpan  = time.Minute
)

// tally rate-limits the log lines about one kind of event, at once or over minutes, and counts what it
// keeps back.
type tally struct {
	began time.Time      // when the span began
	lines int            // lines that were written in it
	rest  map[string]int // events that were not, by reason; nil: none
	due   time.Time      // when rest is to be summed up
}

// line says whether an event gets a line of its own. If not, it is counted for the sum.
func (t *tally) line(reason string, now time.Time) bool {
	if t.rest == nil && now.Sub(t.began) >= tallySpan {
		t.began, t.lines, t.due = now, 0, now.Add(tallySoon)
	}
	if t.rest == nil && t.lines < tallyLines {
		t.lines++
		return true
	}
	if t.rest == nil {
		t.rest = map[string]int{}
	}
	t.rest[reason]++
	return false
}

// sum returns the events to sum up now, by reason, and their number; 0 if there are none or it is
// too soon.
func (t *tally) sum(now time.Time) (by map[string]int, n int) {
	if t.rest == nil || now.Before(t.due) {
		return nil, 0
	}
	for _, of := range t.rest {
		n += of
	}
	by, t.rest, t.due = t.rest, nil, now.Add(tallySpan)
	return by, n
}
