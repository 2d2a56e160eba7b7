package watch

import "time"

// An outage that comes again and again, such as one by a proxy that cuts each wait, would fill the log
// with pairs of lines: away, back. So only the first outages of a series are logged one by one, and
// those that last.
const (
	// seriesQuiet ends a series: so long without an outage.
	seriesQuiet = 10 * time.Minute
	// seriesLines is how many outages of a series are logged one by one.
	seriesLines = 2
	// seriesLasts is how long an outage must last to be logged in any case.
	seriesLasts = 10 * time.Second
	// seriesSum is how long the others are counted before one line sums them up.
	seriesSum = 5 * time.Minute
	// seriesShown is how long after its last outage a series stays among the problems: longer than
	// a blocking query waits.
	seriesShown = 2 * time.Minute
)

// series is a series of outages of one kind.
type series struct {
	over  time.Time // when the last outage ended
	lines int       // outages that were logged one by one
	more  int       // outages that were not, and were not summed up yet
	since time.Time // when the first of these ended
	first time.Time // when the series' first outage ended
	row   int       // outages in the series
	cause error     // of the last outage
}

// line says whether an outage that begins now is logged by itself.
func (r *series) line(now time.Time) bool {
	if now.Sub(r.over) > seriesQuiet {
		r.lines, r.row = 0, 0
	}
	if r.lines == seriesLines {
		return false
	}
	r.lines++
	return true
}

// end notes that an outage is over. told says whether it was logged.
func (r *series) end(told bool, cause error, now time.Time) {
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

// repeats says that the series goes on, and is long enough to be called one.
func (r *series) repeats(now time.Time) bool {
	return r.row > seriesLines && now.Sub(r.over) < seriesShown
}

// sum is how many outages to sum up now; 0 if there are none or it is too soon.
func (r *series) sum(now time.Time) (n int) {
	if r.more == 0 || now.Sub(r.since) < seriesSum {
		return 0
	}
	n, r.more = r.more, 0
	return n
}
