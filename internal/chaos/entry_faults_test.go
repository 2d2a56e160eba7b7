package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// newEntriesScene is a scene with ACLs whose services with traffic have config entries.
func newEntriesScene(t *testing.T) *scene {
	s := newACLScene(t)
	s.settle(t)
	return s
}

// Connect timeouts that config entries set: settled is in force, and earlier was before.
const (
	settled = 7 * time.Second
	earlier = 3 * time.Second
)

// settle writes the entries, and waits until each Envoy's clusters are as they say.
func (s *scene) settle(t *testing.T) {
	t.Helper()
	for _, service := range visited {
		s.writeEntry(t, service, settled)
	}
	for _, service := range visited {
		must(t, s.awaitTimeout(t, service, settled))
	}
	must(t, s.awaitHolds(t.Context(), "", 0))
}

// awaitTimeout waits until each Envoy's cluster has the connect timeout that a config entry sets.
func (s *scene) awaitTimeout(t testing.TB, service string, timeout time.Duration) error {
	want := fmt.Appendf(nil, `"connect_timeout": "%.0fs"`, timeout.Seconds())
	return s.everywhere(t, giveUp, func(e *envoy) error {
		text, err := e.Get(t.Context(), "/config_dump?resource=dynamic_active_clusters&name_regex=^"+service+"$")
		if err == nil && !bytes.Contains(text, want) {
			err = fmt.Errorf("%s has %s otherwise than its config entry says", e.name, service)
		}
		return err
	})
}

func (s *scene) writeEntry(t testing.TB, service string, timeout time.Duration) {
	t.Helper()
	_, _, err := s.consul.Client().ConfigEntries().Set(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: service,
		Meta:           map[string]string{"written": strconv.FormatInt(time.Now().UnixNano(), 10)}, // else Consul would write nothing
		UpstreamConfig: &api.UpstreamConfiguration{Defaults: &api.UpstreamConfig{ConnectTimeoutMs: int(timeout.Milliseconds())}}}, nil)
	must(t, err)
}

// unmodified has a fault done during which no Envoy's cluster may change.
func unmodified(do func(t *testing.T, s *scene)) func(t *testing.T, s *scene) {
	return func(t *testing.T, s *scene) {
		modified := func() (sum int) {
			for _, e := range s.envoys {
				stats, err := e.Stats(t.Context(), `^cluster_manager\.cluster_modified$`)
				must(t, err)
				sum += stats["cluster_manager.cluster_modified"]
			}
			return sum
		}
		before := modified()
		do(t, s)
		if n := modified() - before; n > 0 {
			s.told = append(s.told, fmt.Sprintf("clusters changed %d times", n))
		}
	}
}

// awaitHolds waits until Legate holds so many for a reason; all reasons count if it is empty.
func (s *scene) awaitHolds(ctx context.Context, reason string, n int) error {
	if reason == "" {
		reason = "[a-z_]+"
	}
	line := regexp.MustCompile(`(?m)^legate_holds\{[^}]*reason="` + reason + `"[^}]*\} (\d+)$`)
	return soon(ctx, giveUp, func() error {
		page, err := s.legate.Get(ctx, "/metrics")
		sum := 0
		for _, m := range line.FindAllSubmatch(page, -1) {
			one, _ := strconv.Atoi(string(m[1])) // digits
			sum += one
		}
		if err == nil && sum != n {
			err = fmt.Errorf("legate holds %d for %s, want %d", sum, reason, n)
		}
		return err
	})
}

// entryFaults lose config entries, or change them back.
func entryFaults() []fault {
	var saved []byte
	return []fault{
		{name: "right to read config entries lost", how: "ACL API: the policy allows one service of seven, for 20 s; its entry is written, so that queries answer, without those of the others",
			do: unmodified(func(t *testing.T, s *scene) {
				s.setPolicy(t, readShop)
				for range 2 { // the first one wakes queries that still have all rights
					s.writeEntry(t, visited[0], settled)
					time.Sleep(time.Second)
				}
				must(t, s.awaitHolds(t.Context(), "entry_hidden", 1))
				hold(20 * time.Second)
				s.setPolicy(t, readAll)
				must(t, s.awaitHolds(t.Context(), "", 0))
			})},
		{name: "snapshot with older config entries restored", how: "snapshot saved before one entry was changed and another one was written, restored over Consul's API; both are written again when Legate holds them",
			before: func(t *testing.T, s *scene) {
				_, err := s.consul.Client().ConfigEntries().Delete(api.ServiceDefaults, visited[1], nil)
				must(t, err)
				s.writeEntry(t, visited[0], earlier)
				snapshot, _, err := s.consul.Client().Snapshot().Save(nil)
				must(t, err)
				saved, err = io.ReadAll(snapshot)
				must(t, err)
				must(t, snapshot.Close())
				s.settle(t)
				time.Sleep(16 * time.Second) // the canary has seen that index
			},
			do: unmodified(func(t *testing.T, s *scene) {
				must(t, s.consul.Client().Snapshot().Restore(nil, bytes.NewReader(saved)))
				must(t, s.awaitHolds(t.Context(), "entry_reverted", 1))
				must(t, s.awaitHolds(t.Context(), "datacenter", 1))
				for _, service := range visited {
					s.writeEntry(t, service, settled)
				}
				must(t, s.awaitHolds(t.Context(), "", 0))
			})},
	}
}
