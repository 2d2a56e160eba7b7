package chaos_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// farFaults happen to other datacenters and to a peer. Meanwhile changes of dc1 arrive, and afterwards
// changes of those that were away.
func farFaults() []fault {
	return []fault{
		{name: "dc2 frozen", how: "SIGSTOP to dc2's Consul for 60 s: queries hang for 40 s and more; changes in dc1 and dc3 meanwhile", do: func(t *testing.T, s *scene) {
			must(t, s.far.two.Pause())
			s.meanwhile(t)
			s.hears(t, s.far.three)
			hold(60 * time.Second)
			s.meanwhile(t)
			must(t, s.far.two.Continue())
			s.hears(t, s.far.two)
		}},
		{name: "dc2 killed", how: "SIGKILL to dc2's Consul, started again after 20 s", do: func(t *testing.T, s *scene) {
			must(t, s.far.two.Kill())
			s.meanwhile(t)
			hold(20 * time.Second)
			must(t, s.far.two.Start(t.Context()))
			s.hears(t, s.far.two)
		}},
		{name: "dc2 partitioned", how: "relays between the datacenters drop what dc2 says and hears, for 60 s; connections stay open", do: func(t *testing.T, s *scene) {
			s.far.Cut(s.far.two)
			s.meanwhile(t)
			s.hears(t, s.far.three)
			hold(60 * time.Second)
			s.far.Mend(s.far.two)
			s.hears(t, s.far.two)
		}},
		{name: "WAN partition heals", how: "the relays drop everything between all datacenters and the peer for 40 s; changes in dc1 meanwhile; then the network is whole again", do: func(t *testing.T, s *scene) {
			for _, c := range s.far.All() {
				s.far.Cut(c)
			}
			s.meanwhile(t)
			hold(40 * time.Second)
			s.meanwhile(t)
			for _, c := range s.far.All() {
				s.far.Mend(c)
			}
			for _, c := range []*parts.Consul{s.far.two, s.far.three, s.far.abroad} {
				s.hears(t, c)
			}
		}},
		{name: "dc2 restored from an old snapshot", how: "a snapshot of dc2 from before its services were registered is restored over Consul's API; they are registered again after 15 s", do: func(t *testing.T, s *scene) {
			must(t, s.far.two.Restore(t.Context(), s.far.emptied))
			s.meanwhile(t)
			hold(15 * time.Second)
			must(t, soon(t.Context(), 20*time.Second, func() error { return s.registerFar(t, s.far.two) }))
			s.hears(t, s.far.two)
		}},
		{name: "dc2 empties itself", how: "dc2's Consul killed, its data deleted, started; its services come back after 15 s", do: func(t *testing.T, s *scene) {
			must(t, errors.Join(s.far.two.Kill(), s.far.two.Wipe(), s.far.two.Start(t.Context())))
			s.meanwhile(t)
			hold(15 * time.Second)
			must(t, soon(t.Context(), 20*time.Second, func() error { return s.registerFar(t, s.far.two) }))
			s.hears(t, s.far.two)
		}},
		{name: "dc2 away, Legate restarted", how: "dc2's Consul killed, Legate killed and started: it serves dc2's last known part, also to an Envoy that is new; dc2 back after 8 s", restarts: true, do: func(t *testing.T, s *scene) {
			must(t, s.far.two.Kill())
			hold(3 * time.Second) // long enough for a write
			s.restartBlind(t)
			s.meanwhile(t)
			hold(8 * time.Second)
			must(t, s.far.two.Start(t.Context()))
			s.hears(t, s.far.two)
		}},
		{name: "primary datacenter away", how: "dc3, where config entries are written, killed for 20 s: those that are written stay in force, none can be written; one that is written afterwards comes into force", do: primaryAway},
		{name: "dc2 and dc3 away, local instances critical", how: "the Consuls of dc2 and dc3 killed, then all local instances of a service turn critical, for 10 s: traffic goes to endpoints that are last known", before: mobileInBoth, after: mobileHere, do: localsAway},
		{name: "a service moves to dc2", how: "a service with traffic is registered in dc2, then its instances in dc1 are deregistered; after 10 s it moves back", do: moveAndReturn},
		{name: "peering deleted and made again", how: "the peering is deleted on both sides, and established again after 10 s", do: func(t *testing.T, s *scene) {
			must(t, s.far.Forsake(t.Context()))
			s.meanwhile(t)
			hold(10 * time.Second)
			must(t, s.far.Establish(t.Context()))
			s.hears(t, s.far.abroad)
		}},
		{name: "peer killed", how: "SIGKILL to the peer's Consul, started again after 20 s", do: func(t *testing.T, s *scene) {
			must(t, s.far.abroad.Kill())
			s.meanwhile(t)
			hold(20 * time.Second)
			must(t, s.far.abroad.Start(t.Context()))
			s.hears(t, s.far.abroad)
		}},
		{name: "peer partitioned", how: "the relay to the peer drops everything for 30 s; connections stay open", do: func(t *testing.T, s *scene) {
			s.far.Cut(s.far.abroad)
			s.meanwhile(t)
			hold(30 * time.Second)
			s.far.Mend(s.far.abroad)
			s.hears(t, s.far.abroad)
		}},
		{name: "ten services flap in three datacenters", how: "for 30 s instances of ten services, which fail over to the nearest, change in each datacenter at once: health, registration, removal; then each Envoy has exactly what is left", do: flapping},
		{name: "a datacenter comes and goes", how: "dc4 joins while Legate runs, with a service; after its endpoints are in every Envoy it leaves", restarts: true, do: comesAndGoes},
	}
}

// primaryAway kills the datacenter where config entries are written.
func primaryAway(t *testing.T, s *scene) {
	write := func(timeout time.Duration) error {
		_, _, err := s.consul.Client().ConfigEntries().Set(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: probed,
			UpstreamConfig: &api.UpstreamConfiguration{Defaults: &api.UpstreamConfig{ConnectTimeoutMs: int(timeout.Milliseconds())}}}, nil)
		return err
	}
	must(t, write(settled))
	must(t, s.awaitTimeout(t, probed, settled))
	unmodified(func(t *testing.T, s *scene) {
		must(t, s.far.three.Kill())
		if err := write(earlier); err == nil {
			s.told = append(s.told, "a config entry could be written without the primary datacenter")
		}
		s.meanwhile(t)
		hold(20 * time.Second)
		must(t, s.far.three.Start(t.Context()))
	})(t, s)
	must(t, soon(t.Context(), time.Minute, func() error { return write(earlier) }))
	must(t, s.awaitTimeout(t, probed, earlier))
	s.hears(t, s.far.three)
}

// comesAndGoes adds a datacenter and removes it. That it is served within a minute is required; how long it is kept
// afterwards is the guard's.
func comesAndGoes(t *testing.T, s *scene) {
	four, err := s.far.Add(t.Context(), "dc4")
	must(t, err)
	must(t, four.Register(t.Context(), instanceOf("harbour", "harbour", s.backend(t, "harbour").Port)))
	at := time.Now()
	if err := s.everywhere(t, 2*giveUp, func(e *envoy) error { return e.has(t.Context(), "harbour.dc4", s.backends["harbour"].Addr) }); err != nil {
		s.told = append(s.told, fmt.Sprintf("a new datacenter: %v", err))
	}
	if took := time.Since(at); took > time.Minute {
		s.told = append(s.told, fmt.Sprintf("a new datacenter was served after %v", took.Round(time.Second)))
	}
	s.heard = append(s.heard, fmt.Sprintf("dc4 served after %s s", seconds(time.Since(at))))
	must(t, s.far.Remove(four))
	s.meanwhile(t)
	hold(20 * time.Second)
	s.hears(t, s.far.two)
}
