package discovery

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"legate/discovery/consul"
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
		return f.list, asJSON(l)
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
		return index, asJSON(checks)
	}
	name := strings.TrimPrefix(path, healthPath)
	if list, ok := f.entries[name]; ok {
		return f.at[name], asJSON(list)
	}
	return max(f.at[name], 10), "[]"
}

// withHeader is the answer that needs no waiting, with one more header.
func (f *fakeConsul) withHeader(path, key, value string) *http.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	index, body := f.answer(path)
	resp := respond(200, index, body)
	resp.Header.Set(key, value)
	return resp
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// respond makes an answer; index 0 leaves the header out.
func respond(code int, index uint64, body string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}, "X-Consul-Lastcontact": {"0"}, "X-Consul-Knownleader": {"true"}}
	if index > 0 {
		h.Set("X-Consul-Index", strconv.FormatUint(index, 10))
	}
	return &http.Response{StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: io.NopCloser(strings.NewReader(body))}
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
