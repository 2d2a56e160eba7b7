package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"legate/internal/admin"
	"legate/metrics"
	"legate/xdsserver"
)

func TestTheTableOfLimitsIsWhatTheProgramHas(t *testing.T) {
	text, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ fallback, flag string }
	said := map[string]row{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(xds\\.[a-z_]+)` \\| (\\S+) \\| (?:`--([a-z-]+)`)? ?\\|").FindAllStringSubmatch(string(text), -1) {
		said[m[1]] = row{m[2], m[3]}
	}
	config := xdsserver.DefaultConfig()
	var keys []string
	for _, s := range limitSettings(&config) {
		keys = append(keys, s.key)
		if got := said[s.key]; got != (row{s.fallback, s.name}) {
			t.Errorf("%s: the table says %+v, the program has default %s and flag %q", s.key, got, s.fallback, s.name)
		}
	}
	for key := range said {
		if !slices.Contains(keys, key) {
			t.Errorf("%s is in the table, and no setting", key)
		}
	}
	people := admin.DefaultConfig()
	for _, s := range adminBounds(&people.Bounds, "") {
		if !strings.Contains(string(text), "\n| `"+s.key+"` | "+s.fallback+" | `admin_") {
			t.Errorf("the table does not say that %s has the default %s", s.key, s.fallback)
		}
	}
	server, err := xdsserver.New(config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	families, err := metrics.New(metrics.BuildInfo{}).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var exported []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if limit := m.GetLabel(); f.GetName() == "legate_admin_refused_total" && !strings.Contains(string(text), "`"+limit[0].GetValue()+"`") {
				t.Errorf("the page does not name the limit %s", limit[0].GetValue())
			}
			if f.GetName() == "legate_xds_refused_total" {
				exported = append(exported, m.GetLabel()[0].GetValue())
			}
		}
	}
	for _, r := range server.Refused() {
		if !strings.Contains(string(text), "`"+r.Limit+"`") {
			t.Errorf("the table does not name the limit %s", r.Limit)
		}
		if !slices.Contains(exported, r.Limit) {
			t.Errorf("the limit %s has no metric", r.Limit)
		}
	}
	if len(exported) != len(server.Refused()) {
		t.Errorf("metrics know the limits %v", exported)
	}
}

// A remedy that names a setting that does not exist would mislead people.
func TestTheSettingsThatRemediesNameExist(t *testing.T) {
	var keys []string
	for _, s := range everySetting((&program{}).commands()) {
		keys = append(keys, s.key)
	}
	files, err := filepath.Glob("../../xdsserver/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range regexp.MustCompile(`\bxds\.(max|min|new|stuck)_[a-z_]+`).FindAllString(string(source), -1) {
			if !slices.Contains(keys, key) {
				t.Errorf("%s speaks of %s", file, key)
			}
		}
	}
}
