package logs

import "time"

// Sparse decides which events of a kind have a line of their own in the log, where there can be many: ten in a second
// and SparseLines in a minute at most, which is less than a Handler lets through. The others are counted, and
// summed up after a second; while they go on, once in SparseSums. So the log says how many there were, whatever
// happens. The zero Sparse is ready. It is for one goroutine, or under its owner's lock.
type Sparse struct {
	lines []time.Time // of the last minute, the oldest first
	more  int         // events that had none
	since time.Time   // when the first of these was
	last  time.Time   // when they were last summed up
}

// The limits of a Sparse.
const (
	SparseLines = 25 // in a minute
	inASecond   = 10
	SparseSums  = 5 * time.Second
)

// Line reports whether an event has a line of its own. If not, it is counted. While others are to be summed up none
// has, so that the log keeps their order.
func (s *Sparse) Line(now time.Time) bool {
	for len(s.lines) > 0 && now.Sub(s.lines[0]) >= time.Minute {
		s.lines = s.lines[1:]
	}
	n := len(s.lines)
	if s.more == 0 && n < SparseLines && (n < inASecond || now.Sub(s.lines[n-inASecond]) >= time.Second) {
		s.lines = append(s.lines, now)
		return true
	}
	if s.more == 0 {
		s.since = now
	}
	s.more++
	return false
}

// Due is how long it is until events are to be summed up; negative if there are none.
func (s *Sparse) Due(now time.Time) time.Duration {
	if s.more == 0 {
		return -1
	}
	at := s.since.Add(time.Second)
	if next := s.last.Add(SparseSums); next.After(at) {
		at = next
	}
	return max(0, at.Sub(now))
}

// Sum returns how many events had no line, and in what time; 0 if there are none, or it is too early. Last is for the
// end of the program: then it is not.
func (s *Sparse) Sum(now time.Time, last bool) (n int, in time.Duration) {
	if s.more == 0 || !last && s.Due(now) > 0 {
		return 0, 0
	}
	n, in = s.more, now.Sub(s.since)
	s.more, s.last = 0, now
	return n, in
}
