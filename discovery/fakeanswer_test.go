package discovery

import (
	"net/http"
	"slices"
	"strings"

	"legate/discovery/consul"
	"legate/internal/consultest"
)

// answer needs the lock.
func (f *fakeConsul) answer(path string) (uint64, string) {
	if path == "/v1/catalog/services" {
		l := consul.Listing{}
		for name := range f.entries {
			if f.at["hidden/"+name] == 0 {
				l[name] = f.tagsOf(name)
			}
		}
		return f.list, consultest.JSON(l)
	}
	if path == "/v1/health/state/any" {
		checks, index := []consul.Check{}, uint64(10)
		for name, list := range f.entries {
			index = max(index, f.at[name])
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
		return index, consultest.JSON(checks)
	}
	if kind, is := strings.CutPrefix(path, configPath); is {
		return f.config.list(kind)
	}
	name := strings.TrimPrefix(path, healthPath)
	if list, ok := f.entries[name]; ok {
		return f.at[name], consultest.JSON(list)
	}
	return max(f.at[name], 10), "[]"
}

// withHeader is the answer that needs no waiting, with one more header.
func (f *fakeConsul) withHeader(path, key, value string) *http.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	index, body := f.answer(path)
	resp := consultest.Answer(200, index, body)
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
