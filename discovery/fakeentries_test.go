package discovery

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

const configPath = "/v1/config/"

// fakeEntries are the config entries of a fakeConsul.
type fakeEntries struct {
	protocols map[catalog.EntryKey]string
	modified  map[catalog.EntryKey]uint64
	at        uint64 // index of all kinds, as in the real one
	rights    func(catalog.EntryKey) bool
	asked     []asked // by name
}

// write sets an entry's protocol; an empty one deletes it.
func (f *fakeConsul) write(key catalog.EntryKey, protocol string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index++
	f.config.at = f.index
	if f.config.protocols == nil {
		f.config.protocols, f.config.modified = map[catalog.EntryKey]string{}, map[catalog.EntryKey]uint64{}
	}
	f.config.modified[key] = f.index
	if f.config.protocols[key] = protocol; protocol == "" {
		delete(f.config.protocols, key)
	}
	f.wake()
}

// saved is a snapshot. The function that it returns restores the config entries as they are now, and all else as
// it is then: which services there are did not change since. As in the real one, that wakes nobody.
func (f *fakeConsul) saved() (restore func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, protocols, modified := f.config.at, maps.Clone(f.config.protocols), maps.Clone(f.config.modified)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.config.at, f.config.protocols, f.config.modified = at, maps.Clone(protocols), maps.Clone(modified)
	}
}

// allows sets what the token may read. As in the real one, that wakes nobody and moves no index.
func (f *fakeConsul) allows(rights func(catalog.EntryKey) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config.rights = rights
}

func (e *fakeEntries) readable(key catalog.EntryKey) bool {
	return e.rights == nil || key.Kind == catalog.ProxyDefaults || e.rights(key)
}

func (e *fakeEntries) json(key catalog.EntryKey) map[string]any {
	return entryJSON(key, e.protocols[key], e.modified[key])
}

func entryJSON(key catalog.EntryKey, protocol string, modified uint64) map[string]any {
	e := map[string]any{"Kind": key.Kind, "Name": key.Name, "Protocol": protocol, "ModifyIndex": modified}
	if key.Kind == catalog.ProxyDefaults {
		e["Config"] = map[string]any{"protocol": protocol}
	}
	return e
}

// list is the body of the answer to a question about a kind.
func (e *fakeEntries) list(kind string) string {
	list := []any{}
	for key := range e.protocols {
		if key.Kind == kind && e.readable(key) {
			list = append(list, e.json(key))
		}
	}
	return consultest.JSON(list)
}

// hides says that policies cut the answer to a question about a kind.
func (e *fakeEntries) hides(path string) bool {
	kind, is := strings.CutPrefix(path, configPath)
	return is && kind != catalog.ProxyDefaults && e.rights != nil
}

// withMark is an answer, with the mark of one that policies have cut if it is.
func withMark(cut bool, answer *http.Response) *http.Response {
	if cut {
		answer.Header.Set("X-Consul-Results-Filtered-By-ACLs", "true")
	}
	return answer
}

// named is the answer to a question about one entry.
func (e *fakeEntries) named(key catalog.EntryKey, at uint64, consistent bool) *http.Response {
	e.asked = append(e.asked, asked{at: time.Now(), path: key.String(), consistent: consistent})
	switch _, is := e.protocols[key]; {
	case !e.readable(key):
		return consultest.Answer(403, 0, fmt.Sprintf("Permission denied: token with AccessorID 'x' lacks permission 'service:read' on %q", key.Name))
	case !is:
		return consultest.Answer(404, at, fmt.Sprintf("Config entry not found for %q / %q", key.Kind, key.Name))
	}
	return consultest.Answer(200, at, consultest.JSON(e.json(key)))
}

// entryIn is the entry that a path names, if it does.
func entryIn(path string) (key catalog.EntryKey, named bool) {
	rest, _ := strings.CutPrefix(path, configPath)
	kind, name, named := strings.Cut(rest, "/")
	return catalog.EntryKey{Kind: kind, Name: name}, named && strings.HasPrefix(path, configPath)
}
