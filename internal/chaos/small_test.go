package chaos_test

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/hashicorp/consul/api"
)

var interrupt = os.Interrupt

// notInjected skips a fault that is impossible on this machine.
func (s *scene) notInjected(t testing.TB, why error) {
	t.Helper()
	s.whyNot = why.Error()
	t.Skipf("not injected: %v", why)
}

func consistently(t testing.TB) *api.QueryOptions {
	return (&api.QueryOptions{RequireConsistent: true}).WithContext(t.Context())
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sortedInts(all []int) []int { return slices.Sorted(slices.Values(all)) }
