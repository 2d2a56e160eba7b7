package bridge

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/metricstest"
	"legate/translate"
	"legate/translate/policy"
)

// under are policies from a file.
func under(t testing.TB, text string) policy.Policies {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fleet are so many services, the later ones larger.
func fleet(n int) (d catalog.Delta) {
	for i := range n {
		s := service(fmt.Sprintf("s%03d", i), 80)
		for len(s.Instances) <= i {
			one := s.Instances[0]
			one.ID = fmt.Sprint(s.Key.Name, "-", len(s.Instances)+1)
			one.Port += len(s.Instances)
			s.Instances = append(s.Instances, one)
		}
		d.Set = append(d.Set, s)
	}
	return d
}

// going is a bridge that runs in a bubble of time.
type going struct {
	*crossing
	t      *testing.T
	deltas chan catalog.Delta
	has    map[translate.Name]translate.Resource
	seen   int
}

// whileItRuns has a bridge run, which has translated the first delta.
func whileItRuns(t *testing.T, first catalog.Delta, test func(g *going)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &going{newCrossing(translate.DefaultConfig()), t, make(chan catalog.Delta), map[translate.Name]translate.Resource{}, 0}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- g.Run(ctx, g.deltas) }()
		g.deltas <- first
		g.sync()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		test(g)
	})
}

// sync waits until the bridge waits, and applies what it has published. It returns the clusters that changed, in
// their order.
func (g *going) sync() (changed []string) {
	synctest.Wait()
	for _, batch := range g.published.since(g.seen) {
		g.seen++
		for _, one := range batch.Set {
			if one.Type == translate.ClusterType {
				changed = append(changed, one.Name.Name)
			}
			g.has[one.Name] = one
		}
		for _, n := range batch.Gone {
			delete(g.has, n)
		}
	}
	return changed
}

// after waits for so long.
func (g *going) after(d time.Duration) (changed []string) {
	time.Sleep(d)
	return g.sync()
}

// requireServed compares what was published with the translation of a whole catalog.
func (g *going) requireServed(want translate.Resources) {
	g.t.Helper()
	all := map[translate.Name]string{}
	for one := range want.All() {
		all[one.Name] = one.Version
	}
	has := map[translate.Name]string{}
	for n, one := range g.has {
		has[n] = one.Version
	}
	if !maps.Equal(has, all) {
		g.t.Fatalf("%d resources are served, and not the %d that translating the whole gives", len(has), len(all))
	}
}

func config() translate.Config {
	c := translate.DefaultConfig()
	c.Datacenter = "dc1"
	return c
}

func TestANewDefaultIsSpreadOverTheRolloutSmallServicesFirst(t *testing.T) {
	first := fleet(100)
	whileItRuns(t, first, func(g *going) {
		p := under(t, "defaults: {connect_timeout: 2s}")
		g.Adopt(p)
		if changed := g.sync(); len(changed) != 1 || changed[0] != "s000" {
			t.Fatalf("at once: %v", changed)
		}
		if is := g.State().Rollout; is.Changed != 1 || is.Waiting != 99 || is.Since.IsZero() || !is.Paused.IsZero() || !is.Sent("s000") || is.Sent("s001") {
			t.Errorf("told: %+v", is)
		}
		if got := metricstest.Sum(t, g.metrics, "legate_policy_rollout_clusters"); got != 100 {
			t.Errorf("the metric counts %v clusters", got)
		}
		before := g.after(DefaultRollout / 2)
		if len(before) < 48 || len(before) > 52 {
			t.Errorf("%d clusters have changed after half of the time", len(before))
		}
		for i, name := range before {
			if want := fmt.Sprintf("s%03d", i+1); name != want {
				t.Fatalf("%s changes before %s", name, want)
			}
		}
		g.after(DefaultRollout)
		from, _ := translate.New(config()).With(p)
		to, _ := from.Apply(first)
		g.requireServed(to)
		if is := g.State().Rollout; is.Since != (time.Time{}) || metricstest.Sum(t, g.metrics, "legate_policy_rollout_clusters") != 0 {
			t.Errorf("in the end: %+v", is)
		}
		if said := g.log.String(); !strings.Contains(said, `msg="policy goes out" clusters=100`) || !strings.Contains(said, "in force everywhere") {
			t.Errorf("the log says %s", said)
		}
	})
}

// What goes out bit by bit waits on purpose, so that it is not measured as a change that takes long.
func TestWhatARolloutHoldsBackIsNoDelayOfAChange(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		first := g.seen
		g.deltas <- catalog.Delta{
			Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: "global"}, Protocol: "grpc"}},
			Since:   time.Now(),
		}
		if changed := len(g.sync()) + len(g.after(2*DefaultRollout)); changed != 100 {
			t.Errorf("%d clusters have changed", changed)
		}
		for _, batch := range g.published.since(first) {
			if !batch.Since.IsZero() {
				t.Errorf("a batch of %d resources is measured from %v on", len(batch.Set), batch.Since)
			}
		}
	})
}

func TestAChangeThatTouchesFewGoesOutAtOnceAlsoDuringARollout(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		few := "services: [{match: {names: ['s09?']}, connect_timeout: 1s}]"
		g.Adopt(under(t, few))
		if changed := g.sync(); len(changed) != 10 {
			t.Errorf("ten clusters are touched, and at once changed %v", changed)
		}
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}\n"+few))
		if changed := g.sync(); len(changed) != 1 {
			t.Errorf("ninety clusters are touched, and at once changed %v", changed)
		}
		timeout := 3 * time.Second
		g.deltas <- catalog.Delta{Entries: []catalog.Entry{{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: "s080"}, ConnectTimeout: timeout}}}
		if changed := g.sync(); len(changed) != 1 || changed[0] != "s080" {
			t.Errorf("one service's entry changed %v", changed)
		}
		if changed := g.after(2 * DefaultRollout); len(changed) != 88 {
			t.Errorf("the rest of the rollout changed %d clusters", len(changed))
		}
	})
}

func TestInstancesPassDuringARolloutAndLeaveTheClusterAlone(t *testing.T) {
	first := fleet(100)
	whileItRuns(t, first, func(g *going) {
		p := under(t, "defaults: {connect_timeout: 2s}")
		g.Adopt(p)
		g.sync()
		batches := g.seen
		sick := first.Set[99]
		sick.Instances = append([]catalog.Instance{}, sick.Instances...)
		sick.Instances[0].Health = catalog.Critical
		g.deltas <- catalog.Delta{Set: []catalog.Service{sick}}
		if changed := g.sync(); len(changed) != 0 {
			t.Errorf("clusters %v changed with an instance", changed)
		}
		if b := g.published.since(batches)[0]; len(b.Set) != 1 || b.Set[0].Name != (translate.Name{Type: translate.AssignmentType, Name: "s099"}) {
			t.Errorf("published: %v", b.Set)
		}
		if changed := g.after(2 * DefaultRollout); len(changed) != 99 {
			t.Errorf("%d clusters changed after that", len(changed))
		}
		first.Set[99] = sick
		from, _ := translate.New(config()).With(p)
		to, _ := from.Apply(first)
		g.requireServed(to)
	})
}

func TestARejectionPausesTheRestAndAMendedPolicyGoesOn(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		var mended atomic.Bool
		g.published.reject(func(name string) bool { return name == "s001" && !mended.Load() })
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		g.sync()
		changed := g.after(10 * time.Minute)
		if len(changed) != 1 { // s001, and then no other
			t.Fatalf("after a rejection %d clusters changed", len(changed))
		}
		is := g.State().Rollout
		if is.Changed != 2 || is.Waiting != 98 || is.Paused.IsZero() || len(is.Rejected) != 1 || is.Rejected[0].Name.Name != "s001" {
			t.Errorf("told: %+v", is)
		}
		if said := g.log.String(); !strings.Contains(said, "goes out no further") || !strings.Contains(said, "remedy=") || !strings.Contains(said, "no such suite") {
			t.Errorf("the log says %s", said)
		}
		if metricstest.Sum(t, g.metrics, "legate_policy_rollout_paused") != 1 {
			t.Error("the metric does not say that it is paused")
		}

		g.Adopt(under(t, "defaults: {connect_timeout: 2s}\nservices: [{match: {names: [s001]}, connect_timeout: 1s}]"))
		if changed := g.sync(); len(changed) != 1 || changed[0] != "s001" {
			t.Fatalf("what is mended goes out first: %v", changed)
		}
		mended.Store(true)
		if changed := g.after(2 * DefaultRollout); len(changed) != 98 {
			t.Errorf("%d clusters changed after that", len(changed))
		}
		if metricstest.Sum(t, g.metrics, "legate_policy_rollout_paused") != 0 || g.State().Rollout.Changed != 0 {
			t.Errorf("in the end: %+v", g.State().Rollout)
		}
	})
}

// A file that is not on Envoy's machine makes it reject the secret, not the clusters, which share it.
func TestARejectedSecretPausesTheRestAndWhoeverIsMendedLeavesIt(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		g.published.reject(func(name string) bool { return name == "ca:/etc/envoy/ac.pem" })
		g.Adopt(under(t, "defaults: {tls: {ca: /etc/envoy/ac.pem}}"))
		g.sync()
		g.after(10 * time.Minute)
		is := g.State().Rollout
		if is.Changed != 1 || is.Waiting != 99 || is.Paused.IsZero() || len(is.Rejected) != 1 || is.Rejected[0].Type != translate.SecretType {
			t.Fatalf("told: %+v", is)
		}
		g.Adopt(under(t, "defaults: {tls: {ca: /etc/envoy/ca.pem}}"))
		if changed := g.sync(); !slices.Contains(changed, "s000") {
			t.Errorf("what is mended goes out first: %v", changed)
		}
		g.published.reject(nil)
		if changed := g.after(2 * DefaultRollout); len(changed) < 90 || g.State().Rollout.Waiting != 0 {
			t.Errorf("%d clusters changed after that; told: %+v", len(changed), g.State().Rollout)
		}
	})
}

// Whoever corrects the default itself touches all clusters again. Those that are rejected do not wait for their turn.
func TestAMendedDefaultReachesFirstWhatIsRejected(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		g.published.reject(func(name string) bool { return g.published.timeouts[name] == 2*time.Second && name > "s010" })
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		g.sync()
		g.after(10 * time.Minute)
		n := g.State().Rollout.Changed
		if n < 12 || n > 20 || len(g.State().Rollout.Rejected) == 0 {
			t.Fatalf("told: %+v", g.State().Rollout)
		}
		g.Adopt(under(t, "defaults: {connect_timeout: 3s}"))
		if changed := g.sync(); !slices.Contains(changed, "s011") {
			t.Errorf("at once changed %v", changed)
		}
		if changed := g.after(2 * DefaultRollout); len(changed) < 90 || g.State().Rollout.Waiting != 0 {
			t.Errorf("%d clusters changed after that; told: %+v", len(changed), g.State().Rollout)
		}
	})
}

// Else a client that rejects everything would have the next change go out at once.
func TestWhatOneClientRejectsAndOthersTakeWaitsForItsTurn(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		g.published.takers = 5
		g.published.reject(func(string) bool { return true })
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		if changed := len(g.sync()) + len(g.after(2*DefaultRollout)); changed != 100 {
			t.Fatalf("%d clusters changed", changed)
		}
		g.Adopt(under(t, "defaults: {connect_timeout: 3s}"))
		g.after(DefaultRollout / 10)
		g.Adopt(under(t, "defaults: {connect_timeout: 4s}"))
		if changed := g.sync(); len(changed) != 1 {
			t.Errorf("at once changed %d clusters", len(changed))
		}
	})
}

// What is mended goes out in pieces, as single changes pass in between.
func TestManyMendedClustersGoOutInPieces(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		g.published.reject(func(string) bool { return g.State().Rollout.Changed > 60 })
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		g.after(10 * time.Minute)
		if is := g.State().Rollout; is.Changed <= 60 || is.Paused.IsZero() {
			t.Fatalf("told: %+v", is)
		}
		before := g.seen
		g.published.reject(func(name string) bool { return g.published.timeouts[name] == 2*time.Second })
		g.Adopt(under(t, "defaults: {connect_timeout: 3s}"))
		if changed := len(g.sync()); changed < 60 {
			t.Errorf("at once changed %d clusters", changed)
		}
		for _, batch := range g.published.since(before) {
			if len(batch.Set) > 2*(atOnce+1) {
				t.Errorf("a batch has %d resources", len(batch.Set))
			}
		}
	})
}

func TestAPolicyThatIsTakenBackReachesNobodyElse(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		g.after(DefaultRollout / 10)
		n := g.State().Rollout.Changed
		g.Adopt(policy.Policies{})
		if changed := g.after(2 * DefaultRollout); n < 8 || len(changed) != n {
			t.Errorf("%d clusters had changed, and %d changed back", n, len(changed))
		}
	})
}

func TestASecondPolicyGoesStraightToWhatHasNotChanged(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		g.after(DefaultRollout / 2)
		n := g.State().Rollout.Changed
		g.Adopt(under(t, "defaults: {connect_timeout: 3s}"))
		times := map[string]int{}
		for _, name := range append(g.sync(), g.after(2*DefaultRollout)...) {
			times[name]++
		}
		for name, n := range times {
			if n != 1 {
				t.Errorf("%s changed %d times", name, n)
			}
		}
		if n < 40 || len(times) != 100 {
			t.Errorf("%d had changed by the first policy, and %d by the second", n, len(times))
		}
	})
}

func TestTheRestGoesOutAtOnceWhenTheRolloutIsSetToTakeNoTime(t *testing.T) {
	whileItRuns(t, fleet(100), func(g *going) {
		g.published.reject(func(string) bool { return true })
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		if g.after(10 * time.Minute); g.State().Rollout.Waiting != 99 {
			t.Fatalf("told: %+v", g.State().Rollout)
		}
		g.Spread(0)
		if changed := g.after(time.Second); len(changed) != 99 {
			t.Errorf("%d clusters changed", len(changed))
		}
	})
}

// TestWhateverHappensDuringRolloutsTheEndIsThatOfTheLastPolicy: random catalogs, entries, policies and times.
func TestWhateverHappensDuringRolloutsTheEndIsThatOfTheLastPolicy(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 8))
		now := catalog.Catalog{}.Apply(fleet(40))
		last := policy.Policies{}
		whileItRuns(t, catalog.Catalog{}.Diff(now), func(g *going) {
			for range 30 {
				switch r.IntN(4) {
				case 0:
					text := fmt.Sprintf("defaults: {connect_timeout: %ds}\nservices: [{match: {names: ['s0%d*']}, idle_timeout: %dm}, {match: {meta: {team: '%d'}}, lb_policy: random}]",
						1+r.IntN(3), r.IntN(4), r.IntN(3), r.IntN(3))
					last = under(t, text)
					g.Adopt(last)
				case 1:
					g.Spread(time.Duration(r.IntN(2)) * DefaultRollout)
				default:
					next := catalog.Catalog{}.Apply(catalog.Catalog{}.Diff(now))
					for range 1 + r.IntN(4) {
						change(r, next)
					}
					g.deltas <- now.Diff(next)
					now = next
				}
				g.after(time.Duration(r.IntN(4)*r.IntN(4000)) * time.Millisecond)
			}
			g.after(2 * DefaultRollout)
			if g.State().Rollout.Waiting > 0 || g.State().Resources.AnyBehind() {
				t.Fatalf("seed %d: some are still behind: %+v", seed, g.State().Rollout)
			}
			from, _ := translate.New(config()).With(last)
			to, _ := from.Apply(catalog.Catalog{}.Diff(now))
			g.requireServed(to)
		})
	}
}

// change changes something in a catalog.
func change(r *rand.Rand, c catalog.Catalog) {
	name := fmt.Sprintf("s%03d", r.IntN(45))
	switch s := service(name, 80+r.IntN(3)); r.IntN(5) {
	case 0:
		delete(c.Services, s.Key)
	case 1, 2:
		s.Instances[0].Meta = map[string]string{"team": fmt.Sprint(r.IntN(3)), "legate-connect-timeout": fmt.Sprint(1+r.IntN(3), "s")}
		c.Services[s.Key] = s
	case 3:
		k := catalog.EntryKey{Kind: catalog.ServiceResolver, Name: name}
		if r.IntN(2) == 0 {
			delete(c.Entries, k)
		} else {
			c.Entries[k] = catalog.Entry{Key: k, ConnectTimeout: time.Duration(1+r.IntN(3)) * time.Second}
		}
	case 4:
		k := catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}
		c.Entries[k] = catalog.Entry{Key: k, Protocol: []string{"http", "http2", "tcp"}[r.IntN(3)]}
	}
}
