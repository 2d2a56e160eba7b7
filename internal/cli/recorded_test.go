package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/internal/changes"
)

func recordedLines(r *changes.Record) (all []string) {
	for _, c := range r.After(changes.ID{}, changes.Query{}).Changes {
		all = append(all, fmt.Sprintf("%s %s: %s", c.Kind, strings.Join(c.Services, " "), strings.Join(c.Texts(), "; ")))
	}
	return all
}

func TestHoldsAndReloadsAreRecorded(t *testing.T) {
	r := changes.New()
	tell := recordHolds(r)
	tell([]discovery.HoldChange{
		{Hold: discovery.Hold{Service: "web", Why: "emptied", Kept: 3, Served: 3}},
		{Hold: discovery.Hold{Service: "web", Entry: "service-defaults/web", Why: "entry"}},
		{Hold: discovery.Hold{Service: "api"}, Outcome: "released", Held: 12 * time.Second},
	})
	recordReload(r, "policy", "SIGHUP", "")
	recordReload(r, "policy", "the file has changed", "policy.yaml:3: no such field")
	want := []string{
		"hold web: + hold emptied (3 of 3 instances are kept)",
		"hold web: + hold service-defaults/web entry",
		"hold api: - hold released (after 12s)",
		"reload : + policy read again (SIGHUP)",
		"reload : - policy rejected (the file has changed: policy.yaml:3: no such field)",
	}
	if got := recordedLines(r); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// A mass loss is few changes, and each service is in one.
func TestManyHoldsAreFewChanges(t *testing.T) {
	r := changes.New()
	var all []discovery.HoldChange
	for n := range 1000 {
		all = append(all, discovery.HoldChange{Hold: discovery.Hold{Service: fmt.Sprint("s", n), Why: "datacenter", Kept: n, Served: n}})
	}
	recordHolds(r)(all)
	services, got := 0, r.Back(changes.Query{}).Changes
	for _, c := range got {
		services += len(c.Services)
	}
	if services != 1000 || len(got) > 20 {
		t.Errorf("%d services in %d changes", services, len(got))
	}
}
