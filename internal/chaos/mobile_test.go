package chaos_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/consul/api"
)

// Instances of the mobile service, in dc1 and, while it is there, in dc2.
const ofMobile = 2

func mobileID(n int) string { return fmt.Sprintf("%s-%d", mobile, n) }

// registerMobile registers the mobile service in dc1.
func (s *scene) registerMobile(t testing.TB) {
	t.Helper()
	for i := range ofMobile {
		must(t, s.consul.Register(t.Context(), instanceOf(mobileID(i), mobile, s.backend(t, mobileID(i)).Port)))
	}
}

func (s *scene) mobileHere() (addresses []string) {
	for i := range ofMobile {
		addresses = append(addresses, s.backends[mobileID(i)].Addr)
	}
	return addresses
}

func (s *scene) mobileThere() (addresses []string) {
	for i := range ofMobile {
		addresses = append(addresses, s.backends[s.far.id(mobile, s.far.two, i)].Addr)
	}
	return addresses
}

// mobileInBoth registers the mobile service in dc2, too, and waits until each Envoy has it.
func mobileInBoth(t *testing.T, s *scene) {
	for i := range ofMobile {
		must(t, s.setFar(t, s.far.two, mobile, i, api.HealthPassing))
	}
	must(t, s.everywhere(t, giveUp, func(e *envoy) error { return e.has(t.Context(), mobile, s.mobileThere()...) }))
}

// mobileHere removes the mobile service from dc2, and waits until no Envoy has it there.
func mobileHere(t *testing.T, s *scene) {
	for i := range ofMobile {
		must(t, s.removeFar(s.far.two, mobile, i))
	}
	s.awaitGone(t, s.mobileThere())
}

// awaitGone waits until no Envoy has these endpoints of the mobile service. The last ones of a datacenter are held for a while.
func (s *scene) awaitGone(t *testing.T, addresses []string) {
	t.Helper()
	must(t, s.everywhere(t, 2*giveUp, func(e *envoy) error {
		for _, addr := range addresses {
			if err := e.lacks(t.Context(), mobile, addr); err != nil {
				return err
			}
		}
		return nil
	}))
}

// moveAndReturn moves the mobile service to dc2 and back.
func moveAndReturn(t *testing.T, s *scene) {
	mobileInBoth(t, s)
	for i := range ofMobile {
		must(t, s.consul.Deregister(t.Context(), mobileID(i)))
	}
	s.awaitGone(t, s.mobileHere())
	hold(converge)
	s.registerMobile(t)
	must(t, s.everywhere(t, giveUp, func(e *envoy) error { return e.has(t.Context(), mobile, s.mobileHere()...) }))
	mobileHere(t, s)
}

// localsAway has the instances in dc1 critical while no other datacenter is heard.
func localsAway(t *testing.T, s *scene) {
	must(t, errors.Join(s.far.two.Kill(), s.far.three.Kill()))
	hold(converge)
	health := func(status string) {
		for i := range ofMobile {
			must(t, s.consul.SetHealth(t.Context(), mobileID(i), status))
		}
	}
	there := s.backends[s.far.id(mobile, s.far.two, 0)]
	before := there.Requests()
	health(api.HealthCritical)
	hold(2 * converge)
	if there.Requests() == before {
		s.told = append(s.told, "no request went to dc2")
	}
	health(api.HealthPassing)
	startAll(t, s.far.two, s.far.three)
	s.hears(t, s.far.two)
	s.hears(t, s.far.three)
}
