package discovery

import (
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// What is asked for of a site that Consul has not listed may be there: nobody is told that it is not.
func TestOfASiteThatWasNotListedNothingIsKnown(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web")).peered("cluster01", newFakeConsul("web"))
	fake.frozen["dc2"], fake.denied = true, true
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		is := func(when string, key catalog.ServiceKey, want Interest) {
			t.Helper()
			got := r.Interest(key)
			got.Followed, got.Read = false, time.Time{}
			if got != want {
				t.Errorf("%s: %v: %+v, want %+v", when, key, got, want)
			}
		}
		unlisted, nothing, listed := Interest{Unlisted: true}, Interest{}, Interest{Listed: true}
		atDC3, elsewhere := catalog.Site{Datacenter: "dc3"}, catalog.Site{Datacenter: "dc2", Peer: "cluster01"}
		is("the own datacenter is read", own("web"), listed)
		is("the own datacenter is read", own("invented"), nothing)
		is("dc2 hangs", atDC2.Service("web"), unlisted)
		is("dc2 hangs", atDC2.Service("w\u200beb"), Interest{Unlisted: true, Refused: true})
		is("all datacenters are known", atDC3.Service("web"), nothing)
		is("peers are not told", atPeer.Service("web"), unlisted)
		is("a peer of another datacenter is none of ours", elsewhere.Service("web"), nothing)
		fake.change(func() { fake.frozen["dc2"], fake.denied = false, false })
		time.Sleep(2 * time.Minute)
		is("dc2 is read", atDC2.Service("web"), listed)
		is("dc2 is read", atDC2.Service("invented"), nothing)
		is("a peer is read", atPeer.Service("web"), listed)
		is("all peers are known", catalog.Site{Datacenter: "dc1", Peer: "cluster02"}.Service("web"), nothing)
	})
}

// The own datacenter may be away at the start, and so may be what it is called.
func TestBeforeConsulIsReachedNothingIsKnown(t *testing.T) {
	for name, own := range map[string]string{"the name is known": "dc1", "it is not": ""} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web"))
			fake.own.stop()
			fake.frozen["dc2"] = true
			cfg := sitesConfig()
			cfg.Consul.Datacenter, cfg.Datacenters = own, []string{"dc2"}
			federating(t, cfg, fake, nowhere, func(t *testing.T, r *federated) {
				for _, at := range []catalog.Site{{Datacenter: own}, atDC2} {
					if is := r.Interest(at.Service("web")); is.Listed || !is.Unlisted {
						t.Errorf("%s: %+v", at, is)
					}
				}
			})
		})
	}
}

// Nobody need wait for a name for which Consul does not answer, until it does.
func TestARefusedNameIsNoneToWaitFor(t *testing.T) {
	fake := many(15, 1)
	fake.put("a\u200bb", 0, 1, "passing")
	fake.spoil = refusing(400, name(3))
	following(t, guardedConfig(), fake, catalog.Catalog{}, []string{name(3), name(4)}, func(t *testing.T, r *reader, _ *wishes) {
		time.Sleep(time.Minute)
		if is := r.Interest(own(name(3))); !is.Refused || !is.Read.IsZero() || !is.Followed || r.Interest(own(name(4))).Refused {
			t.Errorf("refused: %+v, answered: %+v", is, r.Interest(own(name(4))))
		}
		if is := r.Interest(own("a\u200bb")); !is.Refused || !is.Listed {
			t.Errorf("a name that cannot be asked for: %+v", is)
		}
		if r.awaits(func(key catalog.ServiceKey) bool { return key == own(name(3)) }) {
			t.Error("what is refused is awaited")
		}
		fake.spoilWith(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if is := r.Interest(own(name(3))); is.Refused || is.Read.IsZero() {
			t.Errorf("answered at last: %+v", is)
		}
	})
}
