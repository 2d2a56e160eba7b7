package chaos_test

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// clusterFaults happen to a cluster: three servers, and the client agent that Legate uses.
func clusterFaults() []fault {
	return []fault{
		{name: "agent killed", how: "SIGKILL to the client agent that Legate asks, started again after 8 s", short: true, do: func(t *testing.T, s *scene) {
			must(t, s.consul.Kill())
			hold(8 * time.Second)
			must(t, s.consul.Start(t.Context()))
		}},
		{name: "agent restarted", how: "SIGTERM to the client agent, started again at once", do: func(t *testing.T, s *scene) {
			must(t, s.consul.Stop())
			must(t, s.consul.Start(t.Context()))
		}},
		{name: "agent restarted while its servers hang", how: "SIGSTOP to the three servers; the client agent killed and started; SIGCONT after 15 s", do: func(t *testing.T, s *scene) {
			each(t, s.servers, (*parts.Consul).Pause)
			must(t, s.consul.Kill())
			started := make(chan error, 1)
			go func() { started <- s.consul.Start(t.Context()) }() // it returns when the servers answer
			hold(15 * time.Second)
			each(t, s.servers, (*parts.Consul).Continue)
			must(t, <-started)
			s.healthy(t)
		}},
		{name: "leader killed", how: "SIGKILL to the leading server, started again after 10 s", short: true, do: func(t *testing.T, s *scene) {
			leader, _ := s.leader(t)
			must(t, leader.Kill())
			hold(10 * time.Second)
			must(t, leader.Start(t.Context()))
		}},
		{name: "follower restarted", how: "SIGTERM to a following server, started again at once", do: func(t *testing.T, s *scene) {
			_, followers := s.leader(t)
			must(t, followers[0].Stop())
			must(t, followers[0].Start(t.Context()))
		}},
		{name: "whole cluster restarted", how: "SIGKILL to the three servers, started again after 3 s", do: func(t *testing.T, s *scene) {
			each(t, s.servers, (*parts.Consul).Kill)
			hold(3 * time.Second)
			startAll(t, s.servers...)
		}},
		{name: "partial catalog after restart", how: "Legate asks a server itself; SIGKILL to all three, started again: default reads are partial for a while", do: func(t *testing.T, s *scene) {
			s.wire.redirect(t, s.servers[0].Addr)
			defer s.wire.redirect(t, s.consul.Addr)
			hold(2 * time.Second)
			each(t, s.servers, (*parts.Consul).Kill)
			startAll(t, s.servers...)
			hold(3 * time.Second)
		}},
		{name: "no quorum", how: "SIGKILL to two of three servers, started again after 20 s", do: func(t *testing.T, s *scene) {
			each(t, s.servers[:2], (*parts.Consul).Kill)
			hold(20 * time.Second)
			startAll(t, s.servers[:2]...)
			s.healthy(t)
		}},
		{name: "all servers frozen", how: "SIGSTOP to the three servers for 30 s", do: func(t *testing.T, s *scene) {
			each(t, s.servers, (*parts.Consul).Pause)
			hold(30 * time.Second)
			each(t, s.servers, (*parts.Consul).Continue)
			s.healthy(t)
		}},
		{name: "snapshot restored (index goes back)", how: "snapshot saved; 190 changes of tags; snapshot restored over Consul's API", do: func(t *testing.T, s *scene) {
			leader, _ := s.leader(t)
			snapshot, _, err := leader.Client().Snapshot().Save(nil)
			must(t, err)
			saved, err := io.ReadAll(snapshot)
			must(t, err)
			must(t, snapshot.Close())
			for i := range 3 {
				s.tags = []string{fmt.Sprint("after the snapshot ", i)}
				must(t, s.register(t))
			}
			s.tags = nil
			must(t, leader.Client().Snapshot().Restore(nil, bytes.NewReader(saved)))
			s.healthy(t)
		}},
		{name: "stale follower", how: "Legate's default reads are made stale, of a following server that is killed and started; SIGSTOP to it for 5 s", do: func(t *testing.T, s *scene) {
			_, followers := s.leader(t)
			front := newFakeFront(t, followers[0].Addr)
			front.stale = true
			s.wire.redirect(t, front.addr)
			defer s.wire.redirect(t, s.consul.Addr)
			hold(3 * time.Second)
			must(t, followers[0].Kill())
			must(t, followers[0].Start(t.Context()))
			hold(3 * time.Second)
			must(t, followers[0].Pause())
			hold(5 * time.Second)
			must(t, followers[0].Continue())
			hold(2 * time.Second)
		}},
		{name: "slow disk", how: "strace delays each fsync and fdatasync of the three servers by 400 ms for 15 s, and something is written all the time", do: func(t *testing.T, s *scene) {
			var tracers []*exec.Cmd
			for _, c := range s.servers {
				tracer := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-p", strconv.Itoa(c.PID()),
					"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter=400000")
				if err := tracer.Start(); err != nil {
					s.notInjected(t, err)
				}
				tracers = append(tracers, tracer)
			}
			writes := 0
			for began := time.Now(); time.Since(began) < 15*time.Second; writes++ {
				_, err := s.consul.Client().KV().Put(&api.KVPair{Key: "chaos", Value: []byte(time.Now().String())}, nil)
				must(t, err)
			}
			for _, tracer := range tracers {
				must(t, tracer.Process.Signal(interrupt))
				_ = tracer.Wait() // ended by the signal
			}
			if writes > 60 {
				t.Fatalf("%d writes in 15 s: the disk was not slow", writes)
			}
		}},
	}
}

// healthy waits until the agent answers consistent reads, so that the cluster has a leader.
func (s *scene) healthy(t testing.TB) {
	t.Helper()
	must(t, soon(t.Context(), 60*time.Second, func() error {
		_, _, err := s.consul.Client().Catalog().Nodes(consistently(t))
		return err
	}))
}
