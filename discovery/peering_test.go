package discovery

import (
	"testing"
	"time"
)

// A peering that is deleted takes its services out of Consul, and one that is made again brings them back one after the
// other. Meanwhile its list lacks those that are to come, which is no evidence that somebody deregistered them.
func TestAPeeringThatIsMadeAgainLosesNothing(t *testing.T) {
	for what, first := range map[string]string{"none is imported at first": "", "one is imported before the other": "probed"} {
		t.Run(what, func(t *testing.T) {
			peer := newFakeConsul("maps", "probed")
			peer.set("maps", 3)
			peer.set("probed", 3)
			fake := newFakeSites(newFakeConsul("web")).peered("cluster01", peer)
			federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
				all := []string{"web.dc1:1", "maps.cluster01.peer:3", "probed.cluster01.peer:3"}
				r.is("as it was", all...)
				time.Sleep(time.Minute)
				fake.change(func() { fake.unpeered["cluster01"] = true })
				peer.set("maps", -1)
				peer.set("probed", -1)
				time.Sleep(14 * time.Second)
				r.is("the peering is deleted", all...)

				fake.change(func() { fake.unpeered["cluster01"] = false; fake.peerings["cluster01"]++ })
				if first != "" {
					peer.set(first, 3)
				}
				time.Sleep(20 * time.Second)
				r.is("there is one again, which has not imported everything", all...)
				peer.set("maps", 3)
				peer.set("probed", 3)
				time.Sleep(20 * time.Second)
				r.is("it has", all...)
				if holds := r.Holds(); len(holds) != 0 {
					t.Errorf("held: %+v", holds)
				}
			})
		})
	}
}
