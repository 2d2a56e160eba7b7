package chaos_test

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// signs matches the counters of what Legate notices: a fault that changes none of them may not have
// happened at all.
var signs = regexp.MustCompile(`^legate_(consul_queries_total|consul_answers_rejected_total|consul_index_resets_total|holds_ended_total|xds_refused_total|xds_nacks_total|xds_node_changes_total|config_reloads_total|last_known_writes_total)\{?([^}]*)\}? (\S+)$`)

// usual is what is counted all the time, anywhere.
var usual = regexp.MustCompile(`^(queries (.* )?(un)?changed( .*)?|last_known_writes ok)$`)

var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

// counts returns the current values of those counters.
func (s *scene) counts(t testing.TB) map[string]int {
	t.Helper()
	page, err := s.legate.Get(t.Context(), "/metrics")
	must(t, err)
	counts := map[string]int{}
	for lines := bufio.NewScanner(bytes.NewReader(page)); lines.Scan(); {
		m := signs.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		what := strings.TrimSuffix(strings.TrimPrefix(m[1], "consul_"), "_total")
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if name, value := l[1], l[2]; value != "" && (name != "datacenter" || value != s.consul.Datacenter) {
				what += " " + value
			}
		}
		if n, err := strconv.ParseFloat(m[3], 64); err == nil {
			counts[what] += int(n)
		}
	}
	maps.DeleteFunc(counts, func(what string, _ int) bool { return usual.MatchString(what) })
	return counts
}

// since returns what was counted since before, or everything if the process is another one.
func since(before, now map[string]int) string {
	var said []string
	for _, what := range slices.Sorted(maps.Keys(now)) {
		n := now[what] - before[what]
		if n < 0 {
			n = now[what]
		}
		if n > 0 {
			said = append(said, fmt.Sprintf("%s %d", what, n))
		}
	}
	return strings.Join(said, ", ")
}
