// Package bridge carries what discovery says through translation to the xDS server.
//
// One goroutine owns the translated resources. What it promises:
//
//   - Each Delta becomes at most one batch. The first one is always published, even if it is
//     empty: with it the server begins to answer. It may wait for what it is served from (see first.go).
//   - A change of policy that touches many clusters goes out bit by bit (see rollout.go). Deltas
//     pass in between; what they change in a cluster that waits is built by its old policy.
//   - What clients have of a cluster that is led to services which were not read until now stays until they are read. The
//     wait is bounded (see led.go).
//   - A Delta costs what its services cost, whatever else the catalog holds.
//   - A problem is logged once when it appears and once when it is over.
//   - What is published is recorded afterwards (see Record): nothing waits for that.
package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"legate/discovery/catalog"
	"legate/internal/changes"
	"legate/metrics"
	"legate/translate"
	"legate/translate/policy"
	"legate/xdsserver"
)

// Server is what the bridge needs of an xDS server.
type Server interface {
	Publish(view xdsserver.View, batch translate.Batch)
	// Votes says which clients reject or take the names as they are now. It waits for no client.
	Votes(view xdsserver.View, names []translate.Name) xdsserver.Votes
}

// Bridge is the way from discovery to the server.
type Bridge struct {
	config     translate.Config
	datacenter func() string
	server     Server
	log        *slog.Logger
	metrics    *metrics.Translate

	interest  func(keys ...catalog.ServiceKey)
	served    func()
	first     first
	led       led
	changes   *changes.Record // nil: nothing is recorded
	taken     time.Time       // when Run began with what it does now
	policies  policy.Policies // the newest that Run has taken over
	spreading spreading
	over      atomic.Int64   // how long a rollout takes
	problems  map[string]int // how many stand, by reason
	pings     chan struct{}
	wishes    chan policy.Policies // the newest that Run has not taken over

	mu    sync.Mutex
	state State
}

// State is how far the bridge is. It is a value: it does not change after it was handed out.
type State struct {
	Since     time.Time // when Run began
	Complete  time.Time // when the first complete snapshot was published; zero: not yet
	Changed   time.Time // when the last batch was published
	View      xdsserver.View
	Resources translate.Resources
	Rollout   Rollout // of a policy, if one is under way
}

// Ready reports whether there is something to serve.
func (s State) Ready() bool { return !s.Complete.IsZero() }

// DefaultRollout is over how long a change of policy goes out that touches many clusters.
const DefaultRollout = 30 * time.Second

// New makes a bridge; it starts nothing. The name of the datacenter is asked for when the
// first Delta arrives, if the config does not say it: discovery knows it by then.
func New(config translate.Config, datacenter func() string, server Server, log *slog.Logger, m *metrics.Translate) *Bridge {
	b := &Bridge{config: config, datacenter: datacenter, server: server, log: log, metrics: m, interest: func(...catalog.ServiceKey) {}, served: func() {}, problems: map[string]int{}, pings: make(chan struct{}), wishes: make(chan policy.Policies, 1)}
	b.Spread(DefaultRollout)
	return b
}

// OnInterest has f told which services began or ceased to be needed (translate.Resources.Needs): after each time that
// this changed, when State says it already; without keys it may be any. It is called before Run, and f must not block.
func (b *Bridge) OnInterest(f func(keys ...catalog.ServiceKey)) { b.interest = f }

// OnServed has f called once, when the first batch was published. It is called before Run, and f must not block.
func (b *Bridge) OnServed(f func()) { b.served = f }

// State may be called at any time.
func (b *Bridge) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Alive asks Run's loop for a sign of life, and reports whether there was one before the context
// was done.
func (b *Bridge) Alive(ctx context.Context) bool {
	select {
	case b.pings <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// Adopt has what the operator wants from now on taken over soon: by Run, one after the other with Deltas.
// Of several that wait, the newest counts. It may be called before Run, and must not be called concurrently.
func (b *Bridge) Adopt(p policy.Policies) {
	select {
	case <-b.wishes:
	default:
	}
	b.wishes <- p
}

// Run carries Deltas until the context is done.
func (b *Bridge) Run(ctx context.Context, deltas <-chan catalog.Delta) error {
	b.change(func(s *State) { s.Since = time.Now() })
	select {
	case b.policies = <-b.wishes: // before the first Delta
	default:
	}
	for {
		wishes := b.wishes
		if b.first.look != nil {
			wishes = nil // what is translated has a policy already, and is published soon
		}
		select {
		case <-ctx.Done():
			return nil
		case d := <-deltas:
			if err := b.carry(d); err != nil {
				return err
			}
		case <-b.first.look:
			b.taken = time.Now()
			b.publishFirst()
		case <-b.led.look:
			b.taken = time.Now()
			b.lookLed()
		case p := <-wishes:
			b.taken = time.Now()
			b.adopt(p)
		case <-b.spreading.due():
			b.taken = time.Now()
			b.goOn()
			select {
			case d := <-deltas: // one that waited meanwhile: it goes before the next bit
				if err := b.carry(d); err != nil {
					return err
				}
			default:
			}
		case <-b.pings:
		}
	}
}

// carry takes one Delta over. The first one is translated with the newest policy as a whole.
func (b *Bridge) carry(d catalog.Delta) error {
	b.taken = time.Now()
	if b.State().Ready() {
		b.take(d)
		return nil
	}
	if b.config.Datacenter == "" {
		b.config.Datacenter = b.datacenter()
	}
	if err := b.config.Validate(); err != nil {
		return fmt.Errorf("translate the catalog: %w", err)
	}
	b.takeFirst(d)
	b.publishFirst()
	return nil
}

// publish publishes what differs from the Resources before, if anything does.
func (b *Bridge) publish(to translate.Resources) published {
	old := b.State()
	p := published{from: old.Resources, to: to, batch: to.Diff(old.Resources), taken: b.taken}
	changed := old.Changed
	if len(p.batch.Set)+len(p.batch.Gone) > 0 {
		p.at = time.Now()
		p.batch.At = p.at
		b.server.Publish(old.View, p.batch)
		p.served = time.Now()
		changed = p.at
		b.log.Debug("snapshot changed", "set", len(p.batch.Set), "gone", len(p.batch.Gone), "answered", p.batch.Since)
	}
	b.report(to.DiffProblems(old.Resources))
	b.change(func(s *State) { s.Resources, s.Changed = to, changed })
	if keys, all := to.DiffReads(old.Resources); all {
		b.interest()
	} else if len(keys) > 0 {
		b.interest(keys...)
	}
	b.recordPolicies(p)
	return p
}

func (b *Bridge) change(f func(*State)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.state)
}

// report counts the problems and logs what is new or over.
func (b *Bridge) report(appeared, over []translate.Problem) {
	if len(appeared)+len(over) == 0 {
		return
	}
	for _, p := range appeared {
		b.problems[string(p.Reason)]++
	}
	for _, p := range over {
		b.problems[string(p.Reason)]--
	}
	b.metrics.Problems(b.problems)
	appearedIn, appeared := apart(appeared)
	overIn, over := apart(over)
	b.logSome(slog.LevelWarn, "left out", appeared)
	b.logSome(slog.LevelWarn, "served without a part of its policy", appearedIn)
	b.logSome(slog.LevelInfo, "no longer left out", over)
	b.logSome(slog.LevelInfo, "served with all of its policy again", overIn)
}

// apart returns the problems that only a part of a policy has, and all others.
func apart(all []translate.Problem) (policies, others []translate.Problem) {
	for _, p := range all {
		if p.Reason == translate.BadPolicy {
			policies = append(policies, p)
		} else {
			others = append(others, p)
		}
	}
	return policies, others
}

// logSome logs a bounded number of problems, so that a catalog full of them fills no disk.
func (b *Bridge) logSome(level slog.Level, message string, problems []translate.Problem) {
	const most = 20
	for i, p := range problems {
		if i == most {
			b.log.Log(context.Background(), level, message+", and more", "count", len(problems)-most, "see", "/api/v1/status")
			return
		}
		attrs := []any{"service", p.Service, "instance", p.Instance, "reason", string(p.Reason), "detail", p.Detail}
		if level >= slog.LevelWarn {
			attrs = append(attrs, "remedy", p.Remedy)
		}
		b.log.Log(context.Background(), level, message, attrs...)
	}
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Second)
}
