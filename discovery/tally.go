package discovery

import "time"

// A kind of event has so many lines of its own in the log within tallySpan. What is beyond that
// is summed up: soon for the first time, and then once in each span.
const (
	tallyLines = 5
	tallySoon  = 2 * time.Second
	tallySpan  = time.Minute
)

// tally keeps the log short when something happens to many services, at once or over minutes.
type tally struct {
	began time.Time      // of the span
	lines int            // that were written in it
	rest  map[string]int // what was not written, by a reason
	due   time.Time      // when that is to be summed up
}

// line says whether an event may have a line of its own. If not, it is counted.
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

// sum returns what is to be summed up now, by reason, and how many that are; 0 if it is not time.
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
