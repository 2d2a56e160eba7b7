package xdsserver

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"legate/internal/xdstest"
	"legate/translate"
)

// The model is what the server shall do, written down once more in the plainest way: what Consul has,
// and for each type on each stream what its client wants and is owed. There are no numbers of changes, no
// log, no index and nothing shared. It knows of no response that is too large.

// modelled is what Consul has, by type and name.
type modelled map[translate.Name]*modelState

// modelState is a state of a resource.
type modelState struct {
	mark     int
	accepted bool        // by some client, while it was there or the one before what is
	before   *modelState // nil: there was none
}

func (m modelled) put(n translate.Name, mark int) { m[n] = &modelState{mark: mark, before: m[n]} }

// accept notes that a client took a state.
func (m modelled) accept(n translate.Name, s *modelState) {
	if is := m[n]; s != nil && is != nil && (is == s || is.before == s) {
		s.accepted = true
	}
}

// lastAccepted is the mark of the last state before this one that was accepted; empty: there is none.
func (s *modelState) lastAccepted() string {
	for s = s.before; s != nil; s = s.before {
		if s.accepted {
			return strconv.Itoa(s.mark)
		}
	}
	return ""
}

func (m modelled) names(typeURL string) (all []string) {
	for n := range m {
		if n.Type == typeURL {
			all = append(all, n.Name)
		}
	}
	slices.Sort(all)
	return all
}

type set map[string]bool

func (s set) sorted() []string { return slices.Sorted(maps.Keys(s)) }

// modelType is one type on one stream.
type modelType struct {
	modelled
	typeURL string
	delta   bool
	later   []*modelType // of the same stream: what this one brings along

	begun       bool // there was a request
	named       set
	wild, spoke bool

	changed, owed set
	all, answer   bool
	flight        []modelDelivery // not answered yet
	probes        [][]string
	probed        int
	parked        set
	quarantined   map[string]string // those that were rejected alone: the content in their place, or none
	sent          int
}

// modelDelivery is a response: what it is by the words of xdstest.Response.String, and whose fault it may be
// if it is rejected.
type modelDelivery struct {
	number     int // on this type
	names      []string
	all, probe bool
	alone      bool // nothing else was in it
	everything bool // just what there is was in it
	instead    set  // names that had an earlier content
	states     map[string]*modelState
	text       string
}

func newModelStream(m modelled, p xdstest.Protocol) map[string]*modelType {
	types := map[string]*modelType{}
	for _, typeURL := range []string{cds, eds} {
		types[typeURL] = &modelType{modelled: m, typeURL: typeURL, delta: p == xdstest.Delta, named: set{}, changed: set{}, owed: set{}, parked: set{}, quarantined: map[string]string{}}
	}
	types[cds].later = []*modelType{types[eds]}
	return types
}

func (t *modelType) has(name string) bool {
	_, has := t.modelled[translate.Name{Type: t.typeURL, Name: name}]
	return has
}

func (t *modelType) wants(name string) bool { return t.wild || t.named[name] }

// content is what the client is to have of a name; empty: it is to be told that there is none.
func (t *modelType) content(name string) string {
	state := t.state(name)
	switch {
	case state != nil:
		return strconv.Itoa(state.mark)
	case t.typeURL == eds && t.named[name] && name != "":
		return "empty"
	}
	return ""
}

func (t *modelType) state(name string) *modelState {
	return t.modelled[translate.Name{Type: t.typeURL, Name: name}]
}

// serves is what the client gets: what it rejected has an earlier content.
func (t *modelType) serves(name string) string { return cmp.Or(t.quarantined[name], t.content(name)) }

func (t *modelType) release(names ...string) {
	for _, name := range names {
		delete(t.parked, name)
		delete(t.quarantined, name)
	}
}

// whole says that each response has all that is wanted.
func (t *modelType) whole() bool { return t.typeURL == cds && !t.delta }

// change tells of a name that Consul has anew, otherwise, or no longer, and reports whether the stream
// has to hear of it now.
func (t *modelType) change(name string) bool {
	t.changed[name] = true // who asks for it before the stream's next turn hears of it then
	return t.wants(name)
}

// asks is a request: incremental, or all names that are wanted from now on.
type asks struct {
	names, dropped []string
	have           map[string]string // content by name
	number         int               // of the response that it answers; 0: none
	rejects        bool
}

func (t *modelType) request(a asks) {
	first := !t.begun
	if first {
		t.changed = set{}
	}
	t.begun = true
	if !first && a.number > 0 {
		t.answered(a.number, a.rejects)
	}
	switch {
	case !t.delta:
		t.rename(a.names)
	case first:
		t.add(a.names, a.dropped, a.have)
	default:
		t.add(a.names, a.dropped, nil)
	}
}

func (t *modelType) rename(names []string) {
	t.spoke = t.spoke || len(names) > 0
	wild := slices.Contains(names, wildcard) || (t.typeURL == cds && !t.spoke)
	if wild != t.wild {
		t.wild, t.all, t.answer = wild, wild, wild
		if wild {
			t.release(t.parked.sorted()...)
		}
	}
	before := t.named
	t.named = set{}
	for _, name := range names {
		if name == wildcard {
			continue
		}
		t.named[name] = true
		if !before[name] {
			t.owed[name] = true
			t.release(name)
		}
	}
	for name := range before {
		if !t.named[name] {
			t.release(name)
		}
	}
}

func (t *modelType) add(names, dropped []string, have map[string]string) {
	everything := slices.Contains(names, wildcard) || (t.typeURL == cds && !t.spoke && len(names)+len(dropped) == 0)
	t.spoke = t.spoke || len(names)+len(dropped) > 0
	for _, name := range names {
		if name == wildcard {
			continue
		}
		t.named[name] = true
		content, held := have[name]
		t.holds(name, content)
		if !held || content == "" || content != t.serves(name) {
			t.owed[name] = true
			t.release(name)
		}
	}
	if everything && !t.wild {
		t.wild = true
		t.release(t.parked.sorted()...)
		if len(have) == 0 {
			t.all, t.answer = true, true
		}
		for _, name := range t.names(t.typeURL) {
			content, held := have[name]
			t.holds(name, content)
			if len(have) > 0 && (!held || content != t.content(name)) {
				t.owed[name] = true
			}
		}
		for name := range have {
			if !t.has(name) {
				t.owed[name] = true
			}
		}
	}
	for _, name := range dropped {
		if name == wildcard {
			t.wild, t.all, t.answer = false, false, false
			continue
		}
		if t.wild && (t.named[name] || t.has(name)) {
			t.owed[name] = true
		}
		if t.named[name] {
			delete(t.named, name)
			t.release(name)
		}
	}
}

// holds notes that the client comes with what there is, so that it has accepted that.
func (t *modelType) holds(name, content string) {
	if s := t.state(name); s != nil && content == strconv.Itoa(s.mark) {
		s.accepted = true
	}
}

func (t *modelType) answered(number int, rejects bool) {
	i := slices.IndexFunc(t.flight, func(d modelDelivery) bool { return d.number == number })
	if i < 0 {
		return
	}
	d := t.flight[i]
	t.flight = t.flight[i+1:]
	names := set{}
	for _, name := range d.names {
		names[name] = true
	}
	if !rejects {
		t.took(d, names)
		return
	}
	if d.all {
		for _, name := range t.names(t.typeURL) {
			if t.wants(name) {
				names[name] = true
			}
		}
	}
	all := names.sorted()
	switch {
	case len(all) == 1 && d.instead[all[0]]:
		if _, is := t.quarantined[all[0]]; is {
			t.quarantined[all[0]] = ""
		}
	case t.whole() && slices.ContainsFunc(t.parked.sorted(), func(name string) bool { return !d.instead[name] }):
		// It had what the client rejects anyway.
	case len(all) == 1 && d.alone:
		t.quarantine(all[0], d)
	case t.whole():
		for _, name := range all {
			t.parked[name] = true
		}
	default:
		half := len(all) / 2
		t.probes = append(t.probes, all[half:], all[:half])
	}
}

// quarantine holds back what the client rejected alone.
func (t *modelType) quarantine(name string, d modelDelivery) {
	t.parked[name] = true
	s := t.state(name)
	if _, already := t.quarantined[name]; already || s == nil || d.states[name] != s {
		return
	}
	t.quarantined[name] = s.lastAccepted()
	if t.quarantined[name] != "" {
		t.owed[name] = true
	}
}

// took is what the client accepts. An earlier content that is in the place of nothing any more is not
// what it shall have.
func (t *modelType) took(d modelDelivery, names set) {
	for name := range t.parked {
		if !d.instead[name] && (d.all || t.whole() || names[name]) {
			t.release(name)
		}
	}
	for name := range d.instead {
		if s := t.state(name); !t.parked[name] && s != nil && s == d.states[name] {
			t.owed[name] = true
		}
	}
	for name, s := range d.states {
		if !d.instead[name] {
			t.accept(translate.Name{Type: t.typeURL, Name: name}, s)
		}
	}
}

// due are the responses that are to be sent at a turn.
func (t *modelType) due() (responses []modelDelivery) {
	for t.begun && len(t.flight) < maxFlight {
		due := set{}
		for name := range t.changed {
			if t.wants(name) {
				due[name] = true
			}
		}
		if len(due) > 0 {
			t.release(due.sorted()...)
			for name := range t.parked {
				if t.whole() && t.quarantined[name] == "" {
					t.owed[name] = true
				}
			}
		}
		for name := range t.owed {
			if t.wants(name) {
				due[name] = true
			}
		}
		d := modelDelivery{all: t.all}
		if len(due) == 0 && !t.all {
			due, d.probe = t.probe()
		}
		if t.all {
			for _, name := range t.names(t.typeURL) {
				if t.wants(name) {
					due[name] = true
				}
			}
		}
		t.changed, t.owed, t.all = set{}, set{}, false
		if len(due) == 0 && !t.answer {
			break
		}
		t.answer = false
		for _, l := range t.later {
			for name := range due {
				if l.wants(name) && l.content(name) != "" {
					l.owed[name] = true
					delete(l.quarantined, name)
				}
			}
		}
		t.sent++
		d.number, d.text, d.alone = t.sent, t.text(due), len(due) == 1
		d.instead, d.states = set{}, map[string]*modelState{}
		for name := range due {
			d.states[name] = t.state(name)
		}
		for name, content := range t.quarantined {
			if content != "" && (t.whole() || due[name]) {
				d.instead[name], d.states[name] = true, t.state(name)
			}
		}
		d.everything = !d.all && slices.Equal(due.sorted(), t.names(t.typeURL))
		for _, name := range due.sorted() {
			if !d.all || !t.has(name) { // the rest is what there is when it is answered
				d.names = append(d.names, name)
			}
		}
		t.flight = append(t.flight, d)
		responses = append(responses, d)
	}
	return responses
}

// probe is the next part of what was rejected, one at a time.
func (t *modelType) probe() (set, bool) {
	if len(t.probes) == 0 || slices.ContainsFunc(t.flight, func(d modelDelivery) bool { return d.probe }) {
		return set{}, false
	}
	t.probed++
	due := set{}
	for len(due) == 0 && len(t.probes) > 0 {
		last := len(t.probes) - 1
		for _, name := range t.probes[last] {
			if t.wants(name) {
				due[name] = true
			}
		}
		t.probes = t.probes[:last]
	}
	return due, len(due) > 0
}

// text is a response as xdstest.Response has it.
func (t *modelType) text(due set) string {
	names := due.sorted()
	if t.whole() {
		names = slices.DeleteFunc(t.names(t.typeURL), func(name string) bool { return !t.wants(name) })
	}
	var all []string
	for _, name := range names {
		switch content := t.serves(name); {
		case content != "":
			all = append(all, name+"@"+content)
		case t.delta:
			all = append(all, "-"+name)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
