package logs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Config has the limits.
type Config struct {
	// Lines is how many lines of a kind are written within Every; for levels below info it is
	// DebugLines, since debug output is meant to show each exchange.
	Lines, DebugLines int
	Every             time.Duration
	// Text is the size limit of a text in bytes, List the maximum number of elements of a list.
	Text, List int
}

// DefaultConfig has limits that a healthy program does not reach.
func DefaultConfig() Config {
	return Config{Lines: 30, DebugLines: 3000, Every: time.Minute, Text: 1024, List: 20}
}

// messagesOfAPlace is how many messages of one place in the code are counted separately. Our own
// code has few of them; a library may put anything into its message.
const messagesOfAPlace = 8

// Handler limits records and passes them on. It may be used concurrently.
type Handler struct {
	to slog.Handler // with the attributes and groups of this handler
	*throttle
}

// throttle is shared by a handler and all handlers derived from it.
type throttle struct {
	config Config
	now    func() time.Time

	mu     sync.Mutex
	kinds  map[kind]*count
	places map[uintptr]int // the number of kinds of each place
}

// kind is what the rate limit counts by. Once a place has messagesOfAPlace kinds, its other
// messages share one kind with an empty message.
type kind struct {
	place   uintptr
	message string
	level   slog.Level
}

// count is the state of the rate limit of one kind.
type count struct {
	began time.Time
	lines int
	more  int         // lines left out
	left  slog.Record // the first of these
	to    slog.Handler
}

// New returns a handler that writes to another. Lines that are left out are summed up by
// [Handler.Run], or with the next record of their kind.
func New(to slog.Handler, config Config) *Handler {
	return &Handler{to: to, throttle: &throttle{config: config, now: time.Now, kinds: map[kind]*count{}, places: map[uintptr]int{}}}
}

// Enabled reports whether a level is written.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

// WithAttrs returns a handler with more attributes that shares the rate limit.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{to: h.to.WithAttrs(h.config.fitAll(attrs)), throttle: h.throttle}
}

// WithGroup returns a handler with a group that shares the rate limit.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{to: h.to.WithGroup(name), throttle: h.throttle}
}

// Handle writes a record or counts it.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	write, sum := h.admit(r, h.to)
	if sum != nil {
		sum.write(ctx, r.Time)
	}
	if !write {
		return nil
	}
	return h.to.Handle(ctx, h.config.fit(r))
}

// admit reports whether a record is within the limit. It also returns the count of the interval
// that ended, if lines were left out in it.
func (t *throttle) admit(r slog.Record, to slog.Handler) (write bool, sum *count) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.of(r, now)
	if now.Sub(c.began) >= t.config.Every {
		sum = c.end(now)
	}
	most := t.config.Lines
	if r.Level < slog.LevelInfo {
		most = t.config.DebugLines
	}
	if c.lines < most {
		c.lines++
		return true, sum
	}
	if c.more == 0 {
		c.left, c.to = t.config.fit(r), to
	}
	c.more++
	return false, sum
}

// of returns the count of a record's kind. The caller holds the lock.
func (t *throttle) of(r slog.Record, now time.Time) *count {
	k := kind{r.PC, r.Message, r.Level}
	if t.kinds[k] == nil && t.places[r.PC] >= messagesOfAPlace {
		k.message = ""
	}
	c := t.kinds[k]
	if c == nil {
		c = &count{began: now}
		t.kinds[k] = c
		t.places[r.PC]++
	}
	return c
}

// end starts a new interval and returns the old count if lines were left out; nil otherwise.
func (c *count) end(now time.Time) *count {
	old := *c
	*c = count{began: now}
	if old.more == 0 {
		return nil
	}
	return &old
}

// write logs the first line that was left out, with the number of all of them.
func (c *count) write(ctx context.Context, now time.Time) {
	r := c.left.Clone()
	r.Time = now
	r.AddAttrs(slog.Int("left_out", c.more))
	_ = c.to.Handle(ctx, r) // there is nowhere to report a failing log
}

// Run sums up lines that were left out when their interval ends, until the context is done.
func (h *Handler) Run(ctx context.Context) {
	tick := time.NewTicker(max(h.config.Every/60, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.sumUp(h.now().Add(-h.config.Every))
		}
	}
}

// Flush sums up everything that was left out so far.
func (h *Handler) Flush() { h.sumUp(h.now()) }

// sumUp ends the intervals that began before that time, and drops the kinds that had nothing left
// out.
func (t *throttle) sumUp(before time.Time) {
	var sums []*count
	now := t.now()
	t.mu.Lock()
	for k, c := range t.kinds {
		if c.began.After(before) {
			continue
		}
		if sum := c.end(now); sum != nil {
			sums = append(sums, sum)
			continue
		}
		delete(t.kinds, k)
		if t.places[k.place]--; t.places[k.place] == 0 {
			delete(t.places, k.place)
		}
	}
	t.mu.Unlock()
	slices.SortFunc(sums, func(a, b *count) int { return a.left.Time.Compare(b.left.Time) })
	for _, sum := range sums {
		sum.write(context.Background(), now)
	}
}
