package cli

import (
	"testing"
	"time"

	"legate/discovery"
	"legate/discovery/catalog"
)

// What keeps the last known catalog in use is said of the own datacenter, and the date of another one is the file's until all of
// it was read.
func TestWhatTheLastKnownCatalogIsToldOfConsul(t *testing.T) {
	at := time.Unix(1e9, 0)
	now := consulNow(discovery.Status{Datacenter: "dc1", LastSuccess: at,
		Problems: []catalog.Problem{{Kind: "site", Detail: "dc2: it is away"}, {Kind: "unreachable", Detail: "it is down", Remedy: "start it"}},
		Sites: []discovery.SiteStatus{
			{Status: discovery.Status{Datacenter: "dc2", LastSuccess: at}},
			{Status: discovery.Status{Datacenter: "dc3", LastSuccess: at, Complete: true}},
		},
	})
	if now.Problem != "it is down" || now.Remedy != "start it" {
		t.Errorf("the problem is %q, the remedy %q", now.Problem, now.Remedy)
	}
	if dc2, is := now.Sites[catalog.Site{Datacenter: "dc2"}]; !is || !dc2.IsZero() || !now.Sites[catalog.Site{Datacenter: "dc3"}].Equal(at) {
		t.Errorf("the dates are %v", now.Sites)
	}
}
