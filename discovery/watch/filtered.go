package watch

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"legate/discovery/catalog"
)

// filteredAnswers knows which answers Consul had to cut because of what the token may not read, where
// that is expected (Config.FilteredExpected). It is said, once for the log and for as long as it
// lasts in the status.
type filteredAnswers struct {
	log *slog.Logger

	mu    sync.Mutex
	in    map[string]struct{} // loops whose last answer was cut
	since time.Time
	first string
}

const hiddenRemedy = "if that is not meant, give the token service:read and node:read on what is missing"

// note is told of each believed answer.
func (h *filteredAnswers) note(loop string, cut bool, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !cut {
		delete(h.in, loop)
		return
	}
	if len(h.in) == 0 {
		h.since, h.first = now, loop
		h.log.Warn("consul hides what the token may not read, serving the rest", "query", loop, "remedy", hiddenRemedy)
	}
	h.in[loop] = struct{}{}
}

// problems says so for as long as it lasts.
func (h *filteredAnswers) problems() []catalog.Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.in) == 0 {
		return nil
	}
	return []catalog.Problem{{
		Kind: "hidden", Since: h.since, Queries: len(h.in),
		Detail: fmt.Sprintf("Consul hides parts of its answers from the token, first seen in %s", h.first),
		Remedy: hiddenRemedy,
	}}
}
