package discovery

import "time"

const (
	// relapseQuiet is how far apart outages of one kind are that have nothing to do with each other.
	relapseQuiet = 10 * time.Minute
	// relapseLines is how many of those that come again have lines of their own in the log.
	relapseLines = 2
	// relapseLasts is how long one must last to have a line in any case.
	relapseLasts = 10 * time.Second
	// relapseSum is how long others are counted before a line says how many there were.
	relapseSum = 5 * time.Minute
	// relapseShown is how long after its end one that came again is among the problems: longer than
	// a query waits.
	relapseShown = 2 * time.Minute
)

// relapses are outages of one kind that come again and again: something in between that cuts each
// wait would fill the log with pairs of lines.
type relapses struct {
	over  time.Time // the last one
	lines int       // that had lines of their own since it was quiet
	more  int       // that had none, and were not summed up yet
	since time.Time // the first of those
	first time.Time // outage since it was quiet
	row   int       // outages since then
	cause error     // of the last
}

// line says whether an outage that begins now has lines of its own.
func (r *relapses) line(now time.Time) bool {
	if now.Sub(r.over) > relapseQuiet {
		r.lines, r.row = 0, 0
	}
	if r.lines == relapseLines {
		return false
	}
	r.lines++
	return true
}

// end notes that one is over.
func (r *relapses) end(told bool, cause error, now time.Time) {
	r.over, r.cause = now, cause
	if r.row++; r.row == 1 {
		r.first = now
	}
	if told {
		return
	}
	if r.more++; r.more == 1 {
		r.since = now
	}
}

// repeats says that they come again and again, of late.
func (r *relapses) repeats(now time.Time) bool {
	return r.row > relapseLines && now.Sub(r.over) < relapseShown
}

// sum is how many there were without a line, if it is time to say that.
func (r *relapses) sum(now time.Time) (n int) {
	if r.more == 0 || now.Sub(r.since) < relapseSum {
		return 0
	}
	n, r.more = r.more, 0
	return n
}
