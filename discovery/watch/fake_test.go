package watch

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"legate/discovery/consul"
	"legate/internal/consultest"
)

const (
	listPath   = "/v1/catalog/services"
	checksPath = "/v1/health/state/any"
	healthPath = "/v1/health/service/"
)

// fake is a transport that answers as Consul does: each path has an index and a body, and a question
// with that index waits for a higher one. What it is asked is written down.
type fake struct {
	mu      sync.Mutex
	index   uint64 // of the last write
	pages   map[string]page
	changed chan struct{}
	spoil   spoiler
	asked   []question
	under   int // questions under way that do not wait for a change
	most    int
}

type page struct {
	index uint64
	body  string
}

// spoiler answers in the place of a fake; nil, nil: as usual.
type spoiler func(question) (*http.Response, error)

// question is what was asked, and when.
type question struct {
	path       string
	index      uint64
	consistent bool
	canary     bool // by the canary
	at         time.Time
	ctx        context.Context
}

func (q question) of(service string) bool { return q.path == healthPath+service }

// put sets what is answered on a path.
func (f *fake) put(path string, body any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index++
	f.pages[path] = page{f.index, consultest.JSON(body)}
	f.wake()
}

// putAt does so with an index of the test's choice, and wakes nobody who waits.
func (f *fake) putAt(index uint64, path string, body any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages[path] = page{index, consultest.JSON(body)}
}

// list sets the names of the services.
func (f *fake) list(names ...string) {
	l := consul.Listing{"consul": {}}
	for _, name := range names {
		l[name] = []string{}
	}
	f.put(listPath, l)
}

// service sets how many instances a service has.
func (f *fake) service(name string, instances int) { f.put(healthPath+name, entries(name, instances)) }

func entries(name string, instances int, tags ...string) []any {
	list := []any{}
	for n := range instances {
		list = append(list, map[string]any{
			"Node":    map[string]any{"Node": "n", "Address": "10.0.0.1"},
			"Service": map[string]any{"ID": name + strconv.Itoa(n), "Service": name, "Port": 80 + n, "Tags": tags},
			"Checks":  []any{map[string]any{"CheckID": "c", "Status": "passing"}},
		})
	}
	return list
}

// spoilWith replaces answers until it is called with nil. Questions that wait are spoilt, too.
func (f *fake) spoilWith(spoil spoiler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
	f.wake()
}

// wake needs the lock.
func (f *fake) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// take returns what was asked since it was last called, of what is of interest.
func (f *fake) take(is func(question) bool) []question {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.asked
	f.asked, f.most = nil, 0
	return slices.DeleteFunc(was, func(q question) bool { return !is(q) })
}

// atOnce is the most questions that were under way at once without waiting, since take.
func (f *fake) atOnce() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	q := question{path: req.URL.Path, consistent: query.Has("consistent"), canary: consul.WantsOldConnection(req.Context()), at: time.Now(), ctx: req.Context()}
	q.index, _ = strconv.ParseUint(query.Get("index"), 10, 64)
	wait, _ := time.ParseDuration(query.Get("wait"))
	f.mu.Lock()
	f.asked = append(f.asked, q)
	if q.index == 0 && !q.canary {
		f.under++
		f.most = max(f.most, f.under)
		defer func() { f.mu.Lock(); f.under--; f.mu.Unlock() }()
	}
	f.mu.Unlock()
	over := time.NewTimer(wait)
	defer over.Stop()
	for done := false; ; {
		f.mu.Lock()
		spoil, changed := f.spoil, f.changed
		p, there := f.pages[q.path]
		if !there {
			p = page{10, "[]"}
		}
		f.mu.Unlock()
		if spoil != nil {
			if resp, err := spoil(q); resp != nil || err != nil {
				return resp, err
			}
		}
		if done || q.index == 0 || p.index > q.index {
			return consultest.Answer(200, p.index, p.body), nil
		}
		select {
		case <-changed:
		case <-over.C:
			done = true
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}

// refuse, hang, lose and slowly are what a Consul in trouble does.
func refuse(code int) spoiler {
	return func(question) (*http.Response, error) { return consultest.Answer(code, 0, "no"), nil }
}

func hang(q question) (*http.Response, error) {
	<-q.ctx.Done()
	return nil, q.ctx.Err()
}

// slowly answers as usual after a while, unless nobody waits for it any more.
func slowly(takes time.Duration) spoiler {
	return func(q question) (*http.Response, error) {
		select {
		case <-time.After(takes):
			return nil, nil
		case <-q.ctx.Done():
			return nil, q.ctx.Err()
		}
	}
}

func lose(question) (*http.Response, error) { return nil, errors.New("connection refused") }

// only spoils the questions of some kind.
func only(is func(question) bool, spoil spoiler) spoiler {
	return func(q question) (*http.Response, error) {
		if is(q) {
			return spoil(q)
		}
		return nil, nil
	}
}

func isCanary(q question) bool  { return q.canary }
func isList(q question) bool    { return q.path == listPath && !q.canary }
func isService(q question) bool { return strings.HasPrefix(q.path, healthPath) }
func isChecks(q question) bool  { return q.path == checksPath }
func aboutOf(service string) func(question) bool {
	return func(q question) bool { return q.of(service) }
}
