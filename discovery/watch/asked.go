package watch

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"legate/discovery/consul"
)

// Asked says what became of the questions to Consul, for people. Each of its lists is bounded.
type Asked struct {
	// Slowest are the slowest questions of the last five to ten minutes, the slowest first, each once. Only those count
	// that Consul answers at once: a blocking query waits for a change.
	Slowest []Slow `json:"slowest"`
	// Rejected are the answers since the start that were not believed, by reason, the commonest first.
	Rejected []Rejection `json:"rejected"`
	// Failing is how many questions fail now: they are asked again after a pause, of at most so many seconds.
	Failing      int     `json:"failing"`
	LongestPause float64 `json:"longest_pause_seconds"`
	// Outages are the last ones that are over, the newest first.
	Outages []Outage `json:"outages"`
}

// Slow is a question that took long, with the wait for a connection.
type Slow struct {
	About   string    `json:"about"` // the list of services, service "web"
	Seconds float64   `json:"seconds"`
	Outcome string    `json:"outcome"` // as in legate_consul_queries_total
	At      time.Time `json:"at"`      // when it was answered, or failed
}

// Rejection is a reason for which answers were not believed.
type Rejection struct {
	Reason string    `json:"reason"` // as in legate_consul_answers_rejected_total
	Count  uint64    `json:"count"`
	Last   time.Time `json:"last"`
	About  string    `json:"about"`  // what the last one was about
	Detail string    `json:"detail"` // what was wrong with it
	Remedy string    `json:"remedy"`
}

// Outage is a time in which questions failed for one kind of reason, from the first that did to the last.
type Outage struct {
	Kind   consul.Failure `json:"kind"`
	Since  time.Time      `json:"since"`
	Over   time.Time      `json:"over"`
	Detail string         `json:"detail"`
}

// The lists have so many elements at most.
const (
	maxSlow    = 10
	maxOutages = 10
)

// slowWindow is how long the slowest questions are collected before a new list begins. The one before is still shown.
const slowWindow = 5 * time.Minute

// record remembers what Asked shows. It may be used from any goroutine; one that is nil remembers nothing.
type record struct {
	least atomic.Int64 // a question that took no longer is not among the slowest, until
	ends  atomic.Int64 // the window ends, as Unix time in ns

	mu       sync.Mutex
	slow     []Slow // the slowest first
	before   []Slow // those of the window before
	rejected map[doubt]*Rejection
}

func newRecord() *record { return &record{rejected: map[doubt]*Rejection{}} }

// took is told of each finished question.
func (o *record) took(about, outcome string, r consul.Reply) {
	if o == nil || r.Question.Index > 0 || int64(r.Took) <= o.least.Load() && r.At.UnixNano() < o.ends.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turn(r.At)
	one := Slow{About: about, Seconds: r.Took.Seconds(), Outcome: outcome, At: r.At}
	if i := slices.IndexFunc(o.slow, func(s Slow) bool { return s.About == about }); i >= 0 {
		if o.slow[i].Seconds >= one.Seconds {
			return
		}
		o.slow = slices.Delete(o.slow, i, i+1)
	}
	at, _ := slices.BinarySearchFunc(o.slow, one, slowestFirst)
	if o.slow = slices.Insert(o.slow, at, one); len(o.slow) >= maxSlow {
		o.slow = o.slow[:maxSlow]
		o.least.Store(int64(o.slow[maxSlow-1].Seconds * float64(time.Second)))
	}
}

func slowestFirst(a, b Slow) int { return cmp.Compare(b.Seconds, a.Seconds) }

// turn needs the lock. It begins a new list when its time has come.
func (o *record) turn(now time.Time) {
	switch late := now.UnixNano() - o.ends.Load(); {
	case late < 0:
		return
	case late < int64(slowWindow):
		o.before = o.slow
	default:
		o.before = nil
	}
	o.slow = nil
	o.least.Store(0)
	o.ends.Store(now.Add(slowWindow).UnixNano())
}

// rejects notes an answer that is not believed. The error is that of an answer which is none of Consul's to the
// question; nil: the doubt says it all.
func (o *record) rejects(why doubt, about string, err error, at time.Time) {
	if o == nil || why == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	one := o.rejected[why]
	if one == nil {
		one = &Rejection{Reason: string(why)}
		o.rejected[why] = one
	}
	one.Count++
	one.Last, one.About, one.Detail, one.Remedy = at, about, why.String(), why.remedy()
	if one.Remedy == "" {
		one.Detail, one.Remedy = err.Error(), consul.RemedyOf(err)
	}
}

// show adds what is remembered.
func (o *record) show(a *Asked, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turn(now)
	a.Slowest = []Slow{} // [] in JSON, not null
	for _, one := range slices.SortedStableFunc(slices.Values(slices.Concat(o.slow, o.before)), slowestFirst) {
		if len(a.Slowest) < maxSlow && !slices.ContainsFunc(a.Slowest, func(s Slow) bool { return s.About == one.About }) {
			a.Slowest = append(a.Slowest, one)
		}
	}
	a.Rejected = []Rejection{}
	for _, one := range slices.SortedFunc(maps.Values(o.rejected), func(a, b *Rejection) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	}) {
		a.Rejected = append(a.Rejected, *one)
	}
}

// Asked may be called at any time, from any goroutine.
func (q *Queries) Asked() Asked {
	a := Asked{LongestPause: q.cfg.BackoffMax.Seconds()}
	q.record.show(&a, time.Now())
	a.Failing, a.Outages = q.outages.past()
	return a
}

// Round is how long it takes until each service of the poll ring was read; 0: there is none.
func (q *Queries) Round() time.Duration {
	n, _, _ := q.ring.sweeping(time.Now())
	return time.Duration(n) * q.sweepInterval()
}
