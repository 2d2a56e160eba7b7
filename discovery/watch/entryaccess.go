package watch

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// entryAccess knows which kinds of config entries Consul does not tell, or not all of: the token may not
// read them, or something in front refuses. It is said, once for the log and for as long as it lasts in
// the status.
type entryAccess struct {
	log *slog.Logger

	mu    sync.Mutex
	kinds map[string]error // that are not told, and why; nil: a part is hidden from the token
	since time.Time
}

const hiddenEntriesRemedy = `give the token service:read on every service that has such entries, also before they exist: service_prefix "" { policy = "read" }; ` +
	"or, if they are not to count, say so with --consul-config-entries=false"

// refused is told that Consul refuses to tell a kind, while it answers other questions.
func (a *entryAccess) refused(kind string, err error, now time.Time) { a.note(kind, err, now) }

// answered is told of each believed answer, and whether the token's policies hide a part of it.
func (a *entryAccess) answered(kind string, hidden bool, now time.Time) {
	if hidden {
		a.note(kind, nil, now)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, was := a.kinds[kind]; !was {
		return
	}
	if delete(a.kinds, kind); len(a.kinds) == 0 {
		a.log.Info("consul tells all its config entries again")
	}
}

func (a *entryAccess) note(kind string, err error, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kinds) == 0 {
		a.since = now
	}
	if _, known := a.kinds[kind]; !known {
		attrs := []any{"kind", kind, "remedy", entriesRemedy(err)}
		if err != nil {
			attrs = append(attrs, "error", err)
		}
		a.log.Warn("consul does not tell all config entries of a kind, going on with what is known of them", attrs...)
	}
	a.kinds[kind] = err
}

func entriesRemedy(err error) string {
	if err == nil {
		return hiddenEntriesRemedy
	}
	return "let Legate read /v1/config/ through what stands between; or, if config entries are not to count, say so with --consul-config-entries=false; " + consul.RemedyOf(err)
}

// problems says so for as long as it lasts.
func (a *entryAccess) problems() []catalog.Problem {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kinds) == 0 {
		return nil
	}
	kinds := slices.Sorted(maps.Keys(a.kinds))
	p := catalog.Problem{
		Kind: "hidden_entries", Since: a.since, Queries: len(kinds), Remedy: hiddenEntriesRemedy,
		Detail: fmt.Sprintf("Consul hides config entries from the token (%s): what they say of services is not known, unless it was known before", strings.Join(kinds, ", ")),
	}
	for _, kind := range kinds {
		if err := a.kinds[kind]; err != nil {
			p.Detail = fmt.Sprintf("Consul does not tell config entries (%s): what they say of services is not known, unless it was known before: %v", strings.Join(kinds, ", "), err)
			p.Remedy = entriesRemedy(err)
			break
		}
	}
	return []catalog.Problem{p}
}
