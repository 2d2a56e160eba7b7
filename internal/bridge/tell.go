package bridge

import (
	"fmt"
	"slices"
	"time"

	"legate/translate"
	"legate/xdsserver"
)

// Rollout is how far a change of policy is that goes out bit by bit. The zero Rollout is none.
type Rollout struct {
	Since    time.Time            // when it began
	Changed  int                  // clusters that have the new policy by now
	Waiting  int                  // clusters that still have the old one
	Paused   time.Time            // since when it waits, because clients reject what it changed; zero: it goes on
	Rejected []xdsserver.Rejected // some of what clients reject of it, also while it goes on
	Against  int                  // how many clients reject something of it,
	For      int                  // have taken what they were sent of it,
	Silent   int                  // or have not answered, or were sent nothing of it yet
	GoesOn   string               // how it does, while it is paused
	sent     []translate.Name
}

// Sent reports whether a cluster has the new policy because of the rollout.
func (r Rollout) Sent(cluster string) bool {
	return slices.Contains(r.sent, translate.Name{Type: translate.ClusterType, Name: cluster})
}

// toldRejected is how many rejected resources are told of.
const toldRejected = 100

// slowAnswer is how long clients may take to answer what they were sent: a pause that is not longer is not told of.
const slowAnswer = 2 * time.Second

// tell tells how far the rollout is, and logs when it pauses and when it goes on.
func (b *Bridge) tell(now time.Time, votes xdsserver.Votes) {
	s := &b.spreading
	is := Rollout{Since: s.was.Since, Changed: s.rollout.done, Waiting: len(s.rollout.units) - s.rollout.done,
		Against: votes.Against, For: votes.For, Silent: votes.Silent, sent: s.changed, Rejected: votes.Rejected[:min(len(votes.Rejected), toldRejected)]}
	if is.Since.IsZero() {
		is.Since = now
	}
	verdict := verdictOf(votes)
	if verdict == taken || b.over.Load() == 0 {
		s.halted = time.Time{}
	} else if s.halted.IsZero() {
		s.halted = now
	}
	if halted := s.halted; !halted.IsZero() && now.Sub(halted) >= slowAnswer {
		is.Paused, is.GoesOn = halted, RolloutRemedy
		if verdict == doubted {
			is.GoesOn = fmt.Sprintf("no other client has answered: one more cluster goes out every %v, until another one does; or %s", askEvery, RolloutRemedy)
		}
	}
	switch {
	case !is.Paused.IsZero() && s.was.Paused.IsZero():
		b.log.Warn("policy goes out no further: clients reject what it changed", b.attrs(is, "remedy", is.GoesOn)...)
	case is.Paused.IsZero() && !s.was.Paused.IsZero():
		b.log.Info("policy goes out again", "changed", is.Changed, "waiting", is.Waiting, "seconds", seconds(now.Sub(s.was.Paused)))
	case verdict == taken && is.Against > 0 && !s.outvoted:
		s.outvoted = true
		b.log.Warn("policy goes out, although a client rejects it: as many others take it, or more", b.attrs(is, "kept", "what that client has")...)
	}
	s.was = is
	b.told(is)
}

// attrs are what the log says of a rollout of which clients reject something.
func (b *Bridge) attrs(is Rollout, more ...any) []any {
	attrs := []any{"changed", is.Changed, "waiting", is.Waiting, "against", is.Against, "for", is.For, "silent", is.Silent}
	if len(is.Rejected) > 0 {
		one := is.Rejected[0]
		attrs = append(attrs, "resource", one.Name.Name, "client", one.Client, "node", one.Node, "error", one.Reason)
	}
	return append(attrs, more...)
}

func (b *Bridge) told(is Rollout) {
	b.metrics.Rollout(is.Changed, is.Waiting, !is.Paused.IsZero())
	b.change(func(s *State) { s.Rollout = is })
}

// RolloutRemedy is what helps when a rollout is paused.
const RolloutRemedy = "correct the policy: what is corrected goes out first, and the rest follows by itself, as it does once those who reject it are gone, or no more than those who take it; with --policy-rollout 0s (services.rollout in the configuration file, without a restart) the rest goes out as it is"
