package chaos_test

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/hashicorp/consul/api"
)

var interrupt = os.Interrupt

// notInjected ends a fault that this machine cannot have.
func notInjected(t testing.TB, why error) {
	t.Helper()
	t.Skipf("not injected: %v", why)
}

func consistently(t testing.TB) *api.QueryOptions {
	return (&api.QueryOptions{RequireConsistent: true}).WithContext(t.Context())
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
