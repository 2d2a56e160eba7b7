// Package policytest draws random policies from the schema of translate/policy.
package policytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"legate/translate/policy"
)

// Drawer draws policies. Texts are values for fields that name something outside: files, addresses, secrets.
// A field of free text without values is not drawn.
type Drawer struct {
	Rand  *rand.Rand
	Texts map[string][]string
	// Calm keeps health checks at least ten seconds apart and has them end within one: hundreds of clusters with
	// checks every millisecond would leave nothing of the machine, and Envoy's start waits for the first check of
	// each endpoint.
	Calm bool
	// OneCheck draws no second health check, which Envoy takes from 1.40 on.
	OneCheck bool
	// Again has a health check without traffic made again after that span: before 1.38 Envoy checks health before it
	// has the secrets of a cluster's TLS, and the cluster waits for the next check.
	Again string
}

// Texts are values that any machine can use, but for the TLS files.
func Texts() map[string][]string {
	return map[string][]string{
		"source_address": {"127.0.0.1", "0.0.0.0", "::1"},
		"alt_stat_name":  {"shop", "a_b"},
		"tls.sni":        {"host", "web.example.com"},
		"path":           {"/", "/healthz?full=1"},
		"host":           {"web.internal"},
		"service_name":   {"echo.Echo"},
		"send":           {"PING\r\n"},
		"receive":        {"PONG"},
		"envoy": {
			`{"connection_pool_per_downstream_connection": true}`,
			`{"common_lb_config": {"update_merge_window": "0s"}}`,
			`{"preconnect_policy": {"per_upstream_preconnect_ratio": 1.5}}`,
			`{"circuit_breakers": {"thresholds": [{"max_connections": 7}]}}`,
			`{"track_cluster_stats": {"request_response_sizes": true}}`,
			`{"metadata": {"filter_metadata": {"shop": {"team": "web"}}}}`,
		},
	}
}

// Policy draws a policy as fields by path, in the form of a policy file's JSON. Each field is there with a
// chance between 0 and 1 that is drawn, too. Its fields may contradict each other.
func (d Drawer) Policy() map[string]any {
	all, chance := map[string]any{}, d.Rand.Float64()*d.Rand.Float64()
	for _, f := range policy.Fields() {
		if d.Rand.Float64() < chance {
			if v := d.value(f); v != nil {
				put(all, f.Path, v)
			}
		}
	}
	return all
}

// put sets a value by its path.
func put(all map[string]any, path string, v any) {
	group, rest, inside := strings.Cut(path, ".")
	if !inside {
		all[path] = v
		return
	}
	if all[group] == nil {
		all[group] = map[string]any{}
	}
	put(all[group].(map[string]any), rest, v)
}

// value draws a value of the field; nil if there is none to draw.
func (d Drawer) value(f *policy.Field) any {
	if texts := d.Texts[f.Path]; len(texts) > 0 {
		text := texts[d.Rand.IntN(len(texts))]
		switch f.Kind {
		case "list of texts":
			return []string{text}
		case "fields of a Cluster":
			return json.RawMessage(text)
		}
		return text
	}
	switch f.Kind {
	case "text":
		if len(f.Values) > 0 {
			return f.Values[d.Rand.IntN(len(f.Values))]
		}
	case "true or false":
		return d.Rand.IntN(2) == 0
	case "number":
		return d.number(f)
	case "decimal":
		low, _ := strconv.ParseFloat(f.Low, 64)
		high, _ := strconv.ParseFloat(f.High, 64)
		return low + d.share()*(high-low)
	case "percentage":
		return fmt.Sprintf("%g%%", float64(d.Rand.IntN(1001))/10)
	case "size":
		return d.size(f)
	case "time span":
		return d.span(f)
	case "list of texts":
		return d.list(f)
	case "places":
		return [][]string{{"none"}, {"nearest"}, {"consul"}, {"dc2"}, {"dc3", "dc2"}, {"p.peer", "nearest"}}[d.Rand.IntN(6)]
	case "texts by key":
		return map[string]string{"version": "1"}
	case "list":
		return d.elements(f)
	}
	return nil
}

// share is between 0 and 1, both included, and small ones are as likely as large ones.
func (d Drawer) share() float64 {
	switch d.Rand.IntN(6) {
	case 0:
		return 0
	case 1:
		return 1
	default:
		s := d.Rand.Float64()
		return s * s * s * s
	}
}

func (d Drawer) number(f *policy.Field) any {
	low, _ := strconv.ParseUint(f.Low, 10, 64)
	high, _ := strconv.ParseUint(f.High, 10, 64)
	if f.Path == "maglev.table_size" {
		return []int{2, 11, 65537, 5000011}[d.Rand.IntN(4)]
	}
	if strings.HasSuffix(f.Path, "ring_size") {
		high = 1 << 14 // a ring takes memory
	}
	return low + uint64(d.share()*float64(high-low))
}

func (d Drawer) size(f *policy.Field) any {
	number := func(s string) uint64 {
		factor := uint64(1)
		if cut, has := strings.CutSuffix(s, "GiB"); has {
			s, factor = cut, 1<<30
		}
		n, _ := strconv.ParseUint(s, 10, 64)
		return n * factor
	}
	low, high := number(f.Low), number(f.High)
	return low + uint64(d.share()*float64(high-low))
}

func (d Drawer) span(f *policy.Field) any {
	low, _ := time.ParseDuration(f.Low)
	high, _ := time.ParseDuration(f.High)
	if d.Calm && !strings.Contains(f.Path, ".") {
		switch {
		case strings.HasSuffix(f.Path, "interval"):
			low = 10 * time.Second
		case f.Path == "timeout", strings.HasSuffix(f.Path, "jitter"):
			high = time.Second
		}
	}
	span := low + time.Duration(d.share()*float64(high-low))
	if strings.HasPrefix(f.Path, "tcp_keepalive.") {
		span = span.Truncate(time.Second)
	}
	return span.String()
}

func (d Drawer) list(f *policy.Field) any {
	var from []string
	switch f.Path {
	case "tls.sans":
		from = []string{"web.internal", "*.example.com", "spiffe://example.org/web", "10.0.0.1"}
	case "tls.alpn":
		from = []string{"h2", "http/1.1"}
	case "expected_statuses":
		from = []string{"200", "200-299", "599", "100-199"}
	default:
		from = []string{"version", "canary", "rack"}
	}
	return from[:1+d.Rand.IntN(len(from))]
}

// elements draws a list of checks or of selectors.
func (d Drawer) elements(f *policy.Field) any {
	fields, kinds := policy.CheckFields(), map[string][]string{
		"http": {"path", "host", "method", "expected_statuses"}, "grpc": {"host", "service_name"}, "tcp": {"send", "receive"}}
	if f.Path == "subsets.selectors" {
		return d.selectors()
	}
	var all []map[string]any
	for range d.checks() {
		kind := slices.Sorted(maps.Keys(kinds))[d.Rand.IntN(3)]
		one := map[string]any{"type": kind}
		for _, f := range fields {
			own := slices.ContainsFunc(slices.Collect(maps.Values(kinds)), func(names []string) bool { return slices.Contains(names, f.Path) })
			if f.Path == "type" || own && !slices.Contains(kinds[kind], f.Path) || f.Path != "path" && d.Rand.IntN(3) > 0 {
				continue
			}
			one[f.Path] = d.value(f)
		}
		if d.Calm && one["interval"] == nil {
			one["interval"] = "10s"
		}
		if d.Again != "" {
			one["no_traffic_interval"] = d.Again
		}
		all = append(all, one)
	}
	return all
}

func (d Drawer) checks() int {
	n := 1 + d.Rand.IntN(3)
	if d.OneCheck {
		return 1
	}
	return n
}

func (d Drawer) selectors() any {
	keys := []string{"version", "canary", "rack"}
	var all []map[string]any
	for n := range 1 + d.Rand.IntN(3) {
		one := map[string]any{"keys": keys[:n+1]}
		for _, f := range policy.SelectorFields() {
			switch {
			case d.Rand.IntN(2) == 0 || f.Path == "keys":
			case f.Path == "fallback_keys_subset":
				one[f.Path] = keys[:max(n, 1)]
			default:
				one[f.Path] = d.value(f)
			}
		}
		all = append(all, one)
	}
	return all
}

// Rules draws so many rules of a policy file, as JSON: each for the service that name gives it. Whatever
// contradicts itself within one rule is drawn again. The fields that were drawn are counted, if counts is
// not nil.
func (d Drawer) Rules(n int, name func(int) string, counts map[string]int) []byte {
	var rules []json.RawMessage
	for len(rules) < n {
		rule := d.Policy()
		rule["match"] = map[string]any{"names": []string{name(len(rules))}}
		text, err := json.Marshal(rule)
		if err != nil {
			panic(err) // a value of the drawer's own
		}
		file := policy.File{Name: "drawn", Content: fmt.Appendf(nil, `{"services": [%s]}`, text)}
		if _, err := policy.Parse([]policy.File{file}); err == nil {
			rules = append(rules, text)
			Count(counts, rule, "")
		}
	}
	text, _ := json.Marshal(map[string]any{"services": rules})
	return text
}

// Count counts the fields of a drawn policy.
func Count(counts map[string]int, of map[string]any, path string) {
	for key, v := range of {
		full := strings.TrimPrefix(path+"."+key, ".")
		if group, is := v.(map[string]any); is && key != "match" {
			Count(counts, group, full)
		} else if counts != nil {
			counts[full]++
		}
	}
}
