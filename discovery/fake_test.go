package discovery

import (
	"errors"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"legate/discovery/watch"
)

// What package watch does, as far as it shows in what Consul is asked.
const (
	openPatience = 20 * time.Second
	openFirst    = 100
	openRate     = 2000 // a second
	signalEvery  = 1800 * time.Millisecond
	listEvery    = time.Second
	promoteFirst = 10
	pollRate     = 100 // a second
)

// reserve is how many connections no blocking query of a service takes.
func reserve() int { return watch.Config{}.MinConnections() - 2 }

// healthPath is before the name of a service in the path of a question about it.
const healthPath = "/v1/health/service/"

// fakeConsul is a transport that answers as Consul does, for tests of time and of what the real
// one will not do. It has blocking queries; what it is asked is written down.
type fakeConsul struct {
	mu       sync.Mutex
	takes    time.Duration // each answer
	index    uint64
	list     uint64 // index of the list
	entries  map[string][]any
	at       map[string]uint64 // index of each service
	nodes    map[string]string // the status of each node's own check
	config   fakeEntries
	changed  chan struct{}
	cutAfter time.Duration // each wait; 0: none
	cutWith  error
	spoil    func(*http.Request) (*http.Response, error) // nil, nil: answer as usual
	asked    []asked
	reading  int // answers that do not wait, under way
	most     int
}

type asked struct {
	at         time.Time
	path       string
	index      uint64
	wait       time.Duration
	consistent bool
}

func newFakeConsul(services ...string) *fakeConsul {
	f := &fakeConsul{index: 10, entries: map[string][]any{}, at: map[string]uint64{}, changed: make(chan struct{})}
	f.set("consul", 1)
	for _, s := range services {
		f.set(s, 1)
	}
	return f
}

// set gives a service so many instances; -1 takes it off the list.
func (f *fakeConsul) set(name string, instances int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(name, 0, instances, "passing")
	f.wake()
}

// between gives a service the instances from one number to another, of one health.
func (f *fakeConsul) between(name string, from, to int, health string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(name, from, to, health)
	f.wake()
}

// silently changes a service, and neither its index nor who waits for it hears of that.
func (f *fakeConsul) silently(name string, instances int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	index, at, list := f.index, f.at[name], f.list
	f.put(name, 0, instances, "passing")
	f.index, f.at[name], f.list = index, at, list
}

// put needs the lock.
func (f *fakeConsul) put(name string, from, to int, health string) {
	_, had := f.entries[name]
	f.index++
	f.at[name] = f.index
	if had != (to >= 0) {
		f.list = f.index
	}
	delete(f.entries, name)
	if to < 0 {
		return
	}
	list := []any{}
	for n := from; n < to; n++ {
		list = append(list, map[string]any{
			"Node":    map[string]any{"Node": "n", "Address": "10.0.0.1"},
			"Service": map[string]any{"ID": name + strconv.Itoa(n), "Service": name, "Port": 80 + n},
			"Checks":  []any{map[string]any{"CheckID": "c", "Status": health}},
		})
	}
	f.entries[name] = list
}

// move registers the last instance of a service under another name. As the real one does, it
// leaves the index of the service that loses it where it was, and wakes nobody who waits for that.
func (f *fakeConsul) move(from, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.entries[from]) - 1
	moved := maps.Clone(f.entries[from][last].(map[string]any))
	moved["Service"] = maps.Clone(moved["Service"].(map[string]any))
	moved["Service"].(map[string]any)["Service"] = to
	f.entries[from] = f.entries[from][:last]
	f.index++
	if _, had := f.entries[to]; !had {
		f.list = f.index
	}
	if last == 0 {
		delete(f.entries, from)
		f.list = f.index
	}
	f.entries[to] = append(f.entries[to], moved)
	f.at[to] = f.index
	f.wake()
}

// bare gives a service so many instances without any check. As in the real one, that moves the index
// of the list, which says the same as before.
func (f *fakeConsul) bare(name string, instances int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(name, 0, instances, "passing")
	for _, e := range f.entries[name] {
		delete(e.(map[string]any), "Checks")
	}
	f.list = f.index
	f.wake()
}

// onNode puts the instances of a service on a node that has a check of its own.
func (f *fakeConsul) onNode(node, name, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index++
	f.at[name] = f.index
	if f.nodes == nil {
		f.nodes = map[string]string{}
	}
	f.nodes[node] = status
	for _, e := range f.entries[name] {
		e := e.(map[string]any)
		e["Node"] = map[string]any{"Node": node, "Address": "10.0.0.1"}
		e["Checks"] = []any{map[string]any{"CheckID": nodeCheck, "Status": status}}
	}
	f.wake()
}

const nodeCheck = "serfHealth"

// restore is what Consul is after a snapshot was restored: everything so much earlier.
func (f *fakeConsul) restore(back uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index -= back
	f.list -= back
	f.config.at -= back
	for name := range f.at {
		f.at[name] -= back
	}
}

// forget is what Consul is after it lost its state: young, and empty.
func (f *fakeConsul) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index = 1
	clear(f.entries)
	clear(f.at)
	f.put("consul", 0, 1, "passing")
	f.wake()
}

// unlist takes a service off the list and leaves its instances.
func (f *fakeConsul) unlist(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index++
	f.list = f.index
	f.at["hidden/"+name] = f.index
	f.wake()
}

func (f *fakeConsul) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// spoilWith replaces answers until it is called with nil.
func (f *fakeConsul) spoilWith(spoil func(*http.Request) (*http.Response, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
	f.wake()
}

func (f *fakeConsul) slowDown(takes time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes = takes
}

// stop refuses connections and breaks those that wait.
func (f *fakeConsul) stop() {
	f.spoilWith(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
}

// spoilWaits ends queries that have waited for so long, as a proxy does.
func (f *fakeConsul) spoilWaits(after time.Duration, with error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutAfter, f.cutWith = after, with
	f.wake()
}

func (f *fakeConsul) resume() { f.spoilWith(nil) }

// take returns what was asked since it was last called.
func (f *fakeConsul) take() []asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.asked
	f.asked, f.most = nil, 0
	return was
}

// atOnce is the most answers that were under way at once without waiting, since take.
func (f *fakeConsul) atOnce() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *fakeConsul) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.URL.Query()
	index, _ := strconv.ParseUint(q.Get("index"), 10, 64)
	wait, _ := time.ParseDuration(q.Get("wait"))
	f.mu.Lock()
	f.asked = append(f.asked, asked{time.Now(), req.URL.Path, index, wait, q.Has("consistent")})
	if index == 0 {
		f.reading++
		f.most = max(f.most, f.reading)
		defer func() { f.mu.Lock(); f.reading--; f.mu.Unlock() }()
	}
	f.mu.Unlock()

	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	began := time.Now()
	for {
		f.mu.Lock()
		spoil, changed, takes := f.spoil, f.changed, f.takes
		var cut <-chan time.Time
		if f.cutAfter > 0 {
			cut = time.After(f.cutAfter - time.Since(began))
		}
		cutWith := f.cutWith
		var named *http.Response
		if key, is := entryIn(req.URL.Path); is {
			named = f.config.named(key, max(f.config.at, 10), q.Has("consistent"))
		}
		now := f.indexOf(req.URL.Path)
		f.mu.Unlock()
		if spoil != nil {
			if resp, err := spoil(req); resp != nil || err != nil {
				return resp, err
			}
		}
		if named != nil {
			return named, nil
		}
		if index == 0 || now > index {
			resp := f.reply(req.URL.Path)
			if takes > 0 {
				select {
				case <-time.After(takes):
				case <-req.Context().Done():
					return nil, req.Context().Err()
				}
			}
			return resp, nil
		}
		select {
		case <-changed:
		case <-cut:
			return nil, cutWith
		case <-timeout.C:
			return f.reply(req.URL.Path), nil
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}
