package logs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Config bounds what is written.
type Config struct {
	// Lines is how many lines of a kind are written within Every, of those at debug level
	// DebugLines: who has these written wants to see each exchange.
	Lines, DebugLines int
	Every             time.Duration
	// Text is how many bytes a text may have, List how many parts a list.
	Text, List int
}

// DefaultConfig leaves a program that is well alone.
func DefaultConfig() Config {
	return Config{Lines: 30, DebugLines: 3000, Every: time.Minute, Text: 1024, List: 20}
}

// messagesOfAPlace is how many different messages of one place in the code are kinds of their own.
// Ours have a few; those of libraries may have anything in them.
const messagesOfAPlace = 8

// Handler bounds records, and hands them on. It may be used concurrently.
type Handler struct {
	to slog.Handler // as With... made it
	*throttle
}

// throttle is what all handlers share that come from one.
type throttle struct {
	config Config
	now    func() time.Time

	mu     sync.Mutex
	kinds  map[kind]*count
	places map[uintptr]int // how many kinds they have
}

// kind tells lines apart of which each is written so often. Beyond so many of a place the rest of
// it is one kind, without a message.
type kind struct {
	place   uintptr
	message string
	level   slog.Level
}

// count is how often a kind was written.
type count struct {
	began time.Time
	lines int
	more  int         // that were left out
	left  slog.Record // the first of these
	to    slog.Handler
}

// New makes a handler that writes to another. What it leaves out is summed up as long as
// [Handler.Run] runs, or with the next record of its kind.
func New(to slog.Handler, config Config) *Handler {
	return &Handler{to: to, throttle: &throttle{config: config, now: time.Now, kinds: map[kind]*count{}, places: map[uintptr]int{}}}
}

// Enabled reports whether a level is written.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

// WithAttrs returns a handler with more attributes. Both count together.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{to: h.to.WithAttrs(h.config.fitAll(attrs)), throttle: h.throttle}
}

// WithGroup returns a handler with a group. Both count together.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{to: h.to.WithGroup(name), throttle: h.throttle}
}

// Handle writes a record, or counts it.
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

// admit says whether a record is written now, and returns what was left out before it and is to be
// summed up.
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

// of is the count of a record's kind. The lock is held.
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

// end begins to count anew, and returns what is to be summed up; nil if there is nothing.
func (c *count) end(now time.Time) *count {
	old := *c
	*c = count{began: now}
	if old.more == 0 {
		return nil
	}
	return &old
}

// write says how many lines were left out, by the first of them.
func (c *count) write(ctx context.Context, now time.Time) {
	r := c.left.Clone()
	r.Time = now
	r.AddAttrs(slog.Int("left_out", c.more))
	_ = c.to.Handle(ctx, r) // a log that cannot be written can tell nobody
}

// Run sums up what was left out when its time is over, until the context is done.
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

// Flush sums up all that was left out so far.
func (h *Handler) Flush() { h.sumUp(h.now()) }

// sumUp ends what began before then, and forgets what has not been logged again.
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
