package discovery

import (
	"slices"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// Consul takes names of services for one that differ in case only. Who is led to one that nobody registers as it is spelled
// is served from those that are spelled otherwise.
func TestWhatANameStandsForIsListedInAnyCase(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web", "Api", "API", "db", "Db")).with("dc2", newFakeConsul("Web"))
	cfg := sitesConfig()
	federating(t, cfg, fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(time.Minute)
		for _, one := range []struct {
			key  catalog.ServiceKey
			want []string
		}{
			{own("web"), []string{"web"}},
			{own("api"), []string{"API", "Api"}},
			{own("Api"), []string{"Api"}},
			{own("DB"), []string{"Db", "db"}},
			{own("ghost"), []string{"ghost"}},
			{atDC2.Service("web"), []string{"Web"}},
			{catalog.Site{Datacenter: "dc9"}.Service("web"), []string{"web"}},
		} {
			var got []string
			for _, key := range r.Spelled(one.key) {
				if got = append(got, key.Name); key.Site() != one.key.Site() {
					t.Errorf("%v stands for %v", one.key, key)
				}
			}
			if slices.Sort(got); !slices.Equal(got, one.want) {
				t.Errorf("%v stands for %v, want %v", one.key, got, one.want)
			}
		}
	})
}

// A cluster that is led to a name waits for what is to be read of it, and for nothing else.
func TestWhatAClusterIsLedToIsUnreadUntilItIsAnsweredFor(t *testing.T) {
	consul := newFakeConsul("web", "Api", "refused", "old")
	consul.spoil = refusing(400, "refused")
	fake := newFakeSites(consul)
	wanted := func(key catalog.ServiceKey) bool { return key.Name == "refused" || key.Name == "old" }
	federating(t, sitesConfig(), fake, func(f *Federation) { f.Follow(wanted) }, func(t *testing.T, r *federated) {
		time.Sleep(time.Minute)
		for name, want := range map[string]bool{"web": true, "api": true, "Api": true, "API": true, "refused": false, "old": false, "ghost": false} {
			if is := r.Unread(own(name)); is != want {
				t.Errorf("%s: %v, want %v", name, is, want)
			}
		}
	})
}
