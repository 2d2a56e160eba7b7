package consul

import (
	"encoding/json"
	"slices"
	"testing"

	"legate/discovery/catalog"
)

// FuzzAnswers: whatever Consul answers, it is garbage or becomes values that are sorted, equal to
// themselves, and the same in whatever order the instances come.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`[{"Node":{"Node":"n","Address":"10.0.0.1","Meta":{"region":"eu"}},"Service":{"ID":"a","Service":"web","Port":80,"Weights":{"Passing":1}},"Checks":[{"CheckID":"c","Status":"critical"}]},
		{"Node":{"Node":"m","Address":"::1"},"Service":{"ID":"b","Service":"web","Address":"[::1]","Port":-1,"Kind":"connect-proxy"}}]`))
	f.Add([]byte(`[{"Node":null,"Service":{"TaggedAddresses":{"lan":{"Address":"x","Port":1}},"SocketPath":"/s"},"Checks":[{"CheckID":"_node_maintenance","Status":"critical"}]}]`))
	f.Add([]byte(`[null,{},{"Service":{"ID":"c","Service":"Web"}}]`))
	f.Add([]byte(`{"web":["b","a"],"":null}`))
	f.Add([]byte(`[{"Kind":"service-resolver","Name":"A","ConnectTimeout":"3s","LoadBalancer":{"Policy":"maglev"},"Subsets":{"v1":{"Filter":"x"}},"Redirect":{},"Failover":{"*":{"Datacenters":["dc2"]}}},{"Kind":"proxy-defaults","Name":"global","Config":{"protocol":7}}]`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var configs []configEntry
		if json.Unmarshal(answer, &configs) == nil {
			for i := range configs {
				if e := entryOf(&configs[i]); !e.Equal(e) {
					t.Errorf("not equal to itself: %+v", e)
				}
			}
		}
		var entries []entry
		if json.Unmarshal(answer, &entries) == nil {
			key := catalog.ServiceKey{Name: "web"}
			r := readingOf(key, entries)
			if !slices.IsSortedFunc(r.Service.Instances, catalog.Instance.Compare) || !r.Equal(r) {
				t.Errorf("not in order, or not equal to itself: %+v", r)
			}
			named := 0
			for i := range entries {
				if entries[i].Service.Service == key.Name {
					named++
				}
			}
			if len(r.Service.Instances)+r.Others != named {
				t.Errorf("%d entries became %d instances and %d others", named, len(r.Service.Instances), r.Others)
			}
			slices.Reverse(entries)
			if again := readingOf(key, entries); !sameUnordered(r, again) {
				t.Errorf("the order of the answer matters:\n%+v\n%+v", r, again)
			}
		}
		var names Listing
		if json.Unmarshal(answer, &names) == nil {
			for name, tags := range names {
				_ = catalog.Selection{}.Matches(name, tags)
			}
		}
	})
}

// sameUnordered: instances with the same node and id, which Consul does not have, may stand in
// either order.
func sameUnordered(a, b Reading) bool {
	if a.Equal(b) {
		return true
	}
	seen := map[[2]string]bool{}
	for _, i := range a.Service.Instances {
		id := [2]string{i.Node, i.ID}
		if seen[id] {
			return true
		}
		seen[id] = true
	}
	return false
}
