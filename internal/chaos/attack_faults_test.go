package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"legate/internal/xdstest"
)

// attackFaults are clients that try to keep others from being served. While they attack, a change
// reaches the others, and the memory held for clients stays within the budget; a minute after they
// have gone, memory is what it was before. How long a change takes meanwhile is logged but not
// judged, since the attackers use the same cores.
func attackFaults() []fault {
	var all []fault
	for _, attack := range xdstest.Attacks() {
		all = append(all, fault{name: attack.Name, how: attack.How, do: func(t *testing.T, s *scene) {
			before := s.resident(t)
			ctx, end := context.WithCancel(t.Context())
			defer end()
			var did atomic.Int64
			var attackers sync.WaitGroup
			attackers.Go(func() { attack.Run(ctx, s.legate.XDS, net.IPv4(127, 0, 0, 2), &did) })
			most := int64(0)
			attackers.Go(func() {
				for ; ctx.Err() == nil; wait(ctx, 100*time.Millisecond) {
					most = max(most, s.resident(t))
				}
			})
			for range 3 {
				hold(4 * time.Second)
				s.arrives(t)
				s.withinBudget(t)
			}
			end()
			attackers.Wait()
			if did.Load() == 0 {
				t.Fatal("the attackers did nothing")
			}
			s.awaitMemory(t, before)
			t.Logf("%s: %d times, resident %d MB, at most %d, then %d", attack.Name, did.Load(), before>>20, most>>20, s.resident(t)>>20)
		}})
	}
	return all
}

// arrives makes a change and waits until it reaches every Envoy, however late.
func (s *scene) arrives(t *testing.T) {
	t.Helper()
	var o outcome
	s.changes(t, &o)
	t.Logf("an instance that is registered is there after %.2f s, one that is deregistered is gone after %.2f s", o.registered.Seconds(), o.deregistered.Seconds())
	if max(o.registered, o.deregistered) >= giveUp {
		s.told = append(s.told, o.wrong...)
	}
}

// resident returns Legate's resident bytes, 0 if unknown.
func (s *scene) resident(t testing.TB) int64 {
	text, err := s.legate.Get(t.Context(), "/metrics")
	if err != nil {
		return 0
	}
	return int64(metric(text, "process_resident_memory_bytes"))
}

// withinBudget reports a failure if more is held for clients than they may have.
func (s *scene) withinBudget(t *testing.T) {
	t.Helper()
	text, err := s.legate.Get(t.Context(), "/api/v1/status")
	must(t, err)
	var status struct{ Memory struct{ Held, Budget int64 } }
	must(t, json.Unmarshal(text, &status))
	if m := status.Memory; m.Budget == 0 || m.Held > m.Budget {
		s.told = append(s.told, fmt.Sprintf("clients have %d bytes held, they may have %d", m.Held, m.Budget))
	}
}

// awaitMemory waits up to a minute until memory is back to what it was, plus a tenth or a little.
func (s *scene) awaitMemory(t *testing.T, before int64) {
	const little = 16 << 20
	at := time.Now()
	for s.resident(t) > before+max(before/10, little) {
		if time.Since(at) > time.Minute {
			s.told = append(s.told, fmt.Sprintf("a minute later %d MB are resident, which were %d", s.resident(t)>>20, before>>20))
			return
		}
		time.Sleep(time.Second)
	}
}
