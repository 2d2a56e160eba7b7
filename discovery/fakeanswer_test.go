package discovery

import (
	"net/http"
	"slices"
	"strings"

	"legate/discovery/consul"
	"legate/internal/consultest"
)

// reply is the answer that needs no waiting.
func (f *fakeConsul) reply(path string) *http.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	index, body := f.answer(path)
	return withMark(f.config.hides(path), consultest.Answer(200, index, body))
}

// answer needs the lock.
func (f *fakeConsul) answer(path string) (uint64, string) { return f.indexOf(path), f.body(path) }

// indexOf needs the lock. It is cheap, since each change wakes everybody who waits, and most wait on.
func (f *fakeConsul) indexOf(path string) uint64 {
	switch {
	case path == "/v1/catalog/services":
		return f.list
	case path == "/v1/health/state/any":
		index := uint64(10)
		for name := range f.entries {
			index = max(index, f.at[name])
		}
		return index
	case strings.HasPrefix(path, configPath):
		return max(f.config.at, 10)
	}
	name := strings.TrimPrefix(path, healthPath)
	if _, ok := f.entries[name]; ok {
		return f.at[name]
	}
	return max(f.at[name], 10)
}

// body needs the lock.
func (f *fakeConsul) body(path string) string {
	switch path {
	case "/v1/catalog/services":
		l := consul.Listing{}
		for name := range f.entries {
			if f.at["hidden/"+name] == 0 {
				l[name] = f.tagsOf(name)
			}
		}
		return consultest.JSON(l)
	case "/v1/health/state/any":
		return consultest.JSON(f.checks())
	}
	if kind, is := strings.CutPrefix(path, configPath); is {
		return f.config.list(kind)
	}
	if list, ok := f.entries[strings.TrimPrefix(path, healthPath)]; ok {
		return consultest.JSON(list)
	}
	return "[]"
}

// checks are those of all services and nodes. It needs the lock.
func (f *fakeConsul) checks() []consul.Check {
	checks := []consul.Check{}
	for name, list := range f.entries {
		for _, e := range list {
			e := e.(map[string]any)
			id := e["Service"].(map[string]any)["ID"].(string)
			ofService, _ := e["Checks"].([]any)
			for _, c := range ofService {
				if c.(map[string]any)["CheckID"] == nodeCheck {
					continue
				}
				checks = append(checks, consul.Check{Node: "n", CheckID: id, ServiceID: id, ServiceName: name, Status: c.(map[string]any)["Status"].(string)})
			}
		}
	}
	for node, status := range f.nodes {
		checks = append(checks, consul.Check{Node: node, CheckID: nodeCheck, Status: status})
	}
	return checks
}

// withHeader is a reply with one more header.
func (f *fakeConsul) withHeader(path, key, value string) *http.Response {
	resp := f.reply(path)
	resp.Header.Set(key, value)
	return resp
}

// tagsOf are the tags of all instances together. It needs the lock.
func (f *fakeConsul) tagsOf(name string) []string {
	all := []string{}
	for _, e := range f.entries[name] {
		tags, _ := e.(map[string]any)["Service"].(map[string]any)["Tags"].([]string)
		all = append(all, tags...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
