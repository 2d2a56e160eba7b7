package catalog

import (
	"slices"
	"testing"
)

func TestSite(t *testing.T) {
	for _, c := range []struct {
		site   Site
		string string
	}{
		{Site{}, ""},
		{Site{Datacenter: "dc2"}, "dc2"},
		{Site{Datacenter: "dc1", Peer: "cluster01"}, "cluster01.peer"},
	} {
		if got := c.site.String(); got != c.string {
			t.Errorf("%#v is called %q, want %q", c.site, got, c.string)
		}
		if key := c.site.Service("web"); key.Name != "web" || key.Site() != c.site {
			t.Errorf("the service %#v of the site %#v is at %#v", key, c.site, key.Site())
		}
	}
}

func TestAServiceIsCalledByWhereItIsUnlessThatIsHere(t *testing.T) {
	here := Site{Datacenter: "dc1"}
	for want, at := range map[string]Site{"web": here, "web.dc2": {Datacenter: "dc2"}, "web.cluster01.peer": {Datacenter: "dc1", Peer: "cluster01"}} {
		if got := here.NameOf(at.Service("web")); got != want {
			t.Errorf("web at %#v is called %q here, want %q", at, got, want)
		}
	}
	// As text, a key says where the service is, also if it is here.
	for want, at := range map[string]Site{"web": {}, "web.dc1": here, "web.cluster01.peer.dc1": {Datacenter: "dc1", Peer: "cluster01"}} {
		if got := at.Service("web").String(); got != want {
			t.Errorf("the key of web at %#v is %q, want %q", at, got, want)
		}
	}
}

func TestSitesAreSorted(t *testing.T) {
	sorted := []Site{{"dc1", ""}, {"dc1", "a"}, {"dc1", "b"}, {"dc2", ""}, {"dc2", "a"}}
	if !slices.IsSortedFunc(sorted, Site.Compare) {
		t.Errorf("not sorted: %v", sorted)
	}
	for i, a := range sorted {
		for j, b := range sorted {
			if (a.Compare(b) < 0) != (i < j) {
				t.Errorf("%v and %v compare as %d", a, b, a.Compare(b))
			}
		}
	}
}
