package xdsserver

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"legate/internal/xdstest"
	"legate/translate"
)

// Whatever happens on the way (changes, removals, new and dropped names, rejections of which
// the client applied any part, late answers, reconnects), in the end each client holds what
// Consul has. Only what it rejected alone may be missing, until that changes.
func TestEveryClientEndsWithWhatConsulHas(t *testing.T) {
	for seed := range uint64(12) {
		for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
			t.Run(fmt.Sprintf("%s/%d", p, seed), func(t *testing.T) {
				t.Parallel()
				w := &world{t: t, stage: newStage(t), random: rand.New(rand.NewPCG(seed, 1)), marks: map[string]int{}}
				w.set()
				envoy := &envoyModel{world: w, protocol: p, held: map[string]string{}}
				envoy.connect(nil)
				for range 150 {
					w.change()
					envoy.live(true)
				}
				envoy.settle()
				envoy.compare("except what it rejected", envoy.missing())
				envoy.told()
				for _, name := range envoy.missing() {
					w.bump(name)
				}
				envoy.settle()
				envoy.compare("after what it rejected has changed", nil)
			})
		}
	}
}

// world is Consul: names with a mark each that tells their contents apart.
type world struct {
	t testing.TB
	*stage
	random *rand.Rand
	marks  map[string]int
	count  int
}

var worldNames = []string{"a", "b", "c", "d", "e", "f", "g", "h"}

func (w *world) some() []string {
	names := slices.Clone(worldNames)
	w.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:1+w.random.IntN(len(names))]
}

func (w *world) bump(name string) {
	w.count++
	w.marks[name] = w.count
	w.set(assignment(name, w.count))
}

func (w *world) change() {
	var batch translate.Batch
	for _, name := range w.some()[:1+w.random.IntN(2)%2] {
		if _, has := w.marks[name]; has && w.random.IntN(4) == 0 {
			delete(w.marks, name)
			batch.Gone = append(batch.Gone, translate.Name{Type: eds, Name: name})
			continue
		}
		w.count++
		w.marks[name] = w.count
		batch.Set = append(batch.Set, assignment(name, w.count))
	}
	w.Publish(own, batch)
}

// envoyModel is a client that behaves as badly as the protocol allows.
type envoyModel struct {
	*world
	protocol xdstest.Protocol
	client   *xdstest.Client
	names    []string
	held     map[string]string // mark by name
	versions map[string]string // incremental: as last received
	open     []*xdstest.Response
	rejected map[string]string // marks that it rejected alone, by name, while nothing newer was delivered
}

func (e *envoyModel) connect(have map[string]string) {
	if e.client != nil {
		e.client.Close()
	}
	e.client = xdstest.Open(e.t, e.conn, e.protocol, "edge")
	e.open, e.rejected = nil, map[string]string{}
	e.versions = map[string]string{}
	if e.names == nil {
		e.names = e.some()
	}
	e.client.Resume(eds, have, e.names...)
}

func (e *envoyModel) live(wild bool) {
	switch n := e.random.IntN(12); {
	case n == 0:
		e.want(e.some())
	case n == 1 && wild:
		have := map[string]string{}
		for name, version := range e.versions {
			if e.held[name] != "" {
				have[name] = version
			}
		}
		e.connect(have)
	case n < 8:
		if r := e.client.Poll(2 * time.Millisecond); r != nil {
			e.open = append(e.open, r)
		}
	default:
		if len(e.open) > 0 {
			r := e.open[0]
			e.open = e.open[1:]
			e.answer(r, e.random.IntN(4) == 0)
		}
	}
}

// want changes the names. A state-of-the-world client says them with its last answer, so it
// answers all first.
func (e *envoyModel) want(names []string) {
	for _, r := range e.open {
		e.answer(r, false)
	}
	e.open = nil
	for _, name := range e.names {
		if !slices.Contains(names, name) {
			delete(e.held, name)
			delete(e.versions, name)
		}
	}
	e.names = names
	e.client.Want(eds, names...)
}

// answer applies a response, or rejects it and applies any part of it.
func (e *envoyModel) answer(r *xdstest.Response, reject bool) {
	var touched []string
	for _, mark := range r.Marks() {
		if !slices.Contains(e.names, mark.Name) {
			continue
		}
		touched = append(touched, mark.Name)
		if reject && e.random.IntN(2) == 0 {
			continue
		}
		e.held[mark.Name] = mark.Mark
		if !reject {
			e.versions[mark.Name] = r.Versions[mark.Name]
		}
	}
	if reject && len(touched) > 0 {
		for _, name := range touched {
			delete(e.versions, name) // it cannot vouch for them
		}
		if mark := r.Marks()[0].Mark; len(r.Resources) == 1 && !e.older(touched[0], mark) {
			e.rejected[touched[0]] = mark
		}
		e.client.Nack(r, "no")
		return
	}
	for _, mark := range r.Marks() {
		if !e.older(mark.Name, mark.Mark) {
			delete(e.rejected, mark.Name)
		}
	}
	e.client.Ack(r)
}

// older reports whether this is what takes the place of a state that it rejected.
func (e *envoyModel) older(name, mark string) bool {
	was, err := strconv.Atoi(e.rejected[name])
	if err != nil {
		return false
	}
	is, err := strconv.Atoi(mark)
	return err == nil && is < was
}

// settle answers everything until nothing more comes.
func (e *envoyModel) settle() {
	for {
		for _, r := range e.open {
			e.answer(r, false)
		}
		e.open = nil
		r := e.client.Poll(time.Second / 2)
		if r == nil {
			return
		}
		e.open = append(e.open, r)
	}
}

// told checks that what is told of the client is what it has.
func (e *envoyModel) told() {
	e.t.Helper()
	var names []translate.Name
	for _, name := range e.names {
		names = append(names, translate.Name{Type: eds, Name: name})
	}
	for _, d := range e.Deliveries(names, 1) {
		name := d.Name.Name
		want := Delivery{Streams: 1, Acknowledged: 1}
		if _, rejects := e.rejected[name]; rejects {
			want = Delivery{Streams: 1, Rejected: 1}
		}
		if d.Streams != want.Streams || d.Acknowledged != want.Acknowledged || d.Rejected != want.Rejected {
			e.t.Errorf("%+v is told of %s, of which the client has %q and rejects %q", d, name, e.held[name], e.rejected[name])
		}
	}
}

func (e *envoyModel) missing() []string { return slices.Sorted(maps.Keys(e.rejected)) }

func (e *envoyModel) compare(when string, except []string) {
	e.t.Helper()
	for _, name := range e.names {
		want := "empty"
		if mark, has := e.marks[name]; has {
			want = strconv.Itoa(mark)
		}
		if e.held[name] != want && !slices.Contains(except, name) {
			e.t.Errorf("%s: %s is %q, Consul has %q (names %v, rejected %v, held %v)", when, name, e.held[name], want, e.names, e.rejected, slices.Sorted(maps.Keys(e.held)))
		}
	}
}
