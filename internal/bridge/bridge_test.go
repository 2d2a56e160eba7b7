package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"go.uber.org/goleak"

	"legate/discovery/catalog"
	"legate/internal/logtest"
	"legate/internal/metricstest"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
)

// recorder is a server that remembers what was published.
type recorder struct {
	views   []xdsserver.View
	mu      sync.Mutex // of all that follows, while the bridge runs
	batches []translate.Batch
	rejects func(name string) bool // what some client rejects; nil: nothing
	takers  int                    // how many others take all

	timeouts map[string]time.Duration // of the clusters that were published last
}

// Votes is asked by the goroutine that publishes.
func (r *recorder) Votes(_ xdsserver.View, names []translate.Name) (all xdsserver.Votes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range names {
		if r.rejects != nil && n.Type != translate.AssignmentType && r.rejects(n.Name) {
			all.Against, all.For = 1, r.takers
			all.Rejected = append(all.Rejected, xdsserver.Rejected{Name: n, Node: "edge-1", Client: "10.0.0.9", Reason: "no such suite"})
		}
	}
	return all
}

func (r *recorder) Publish(v xdsserver.View, b translate.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.views, r.batches = append(r.views, v), append(r.batches, b)
	for _, one := range b.Set {
		if m, err := translate.Decode(one); err == nil && r.timeouts != nil && one.Type == translate.ClusterType {
			r.timeouts[one.Name.Name] = m.(*clusterv3.Cluster).GetConnectTimeout().AsDuration()
		}
	}
}

// since returns what was published after the first n batches.
func (r *recorder) since(n int) []translate.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.batches[n:])
}

// reject sets what some client rejects.
func (r *recorder) reject(rejects func(name string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rejects = rejects
}

// crossing is a bridge under test.
type crossing struct {
	*Bridge
	published *recorder
	log       *logtest.Buffer
	metrics   *metrics.Metrics
}

func newCrossing(config translate.Config) *crossing {
	c := &crossing{published: &recorder{timeouts: map[string]time.Duration{}}, log: &logtest.Buffer{}, metrics: metrics.New(metrics.BuildInfo{})}
	log := slog.New(slog.NewTextHandler(c.log, nil))
	c.Bridge = New(config, func() string { return "dc1" }, c.published, log, c.metrics.Translate)
	return c
}

func service(name string, port int) catalog.Service {
	return catalog.Service{
		Key:       catalog.ServiceKey{Datacenter: "dc1", Name: name},
		Instances: []catalog.Instance{{ID: name + "-1", Node: "n1", Address: "10.0.0.1", Port: port, Weights: catalog.Weights{Passing: 1, Warning: 1}}},
	}
}

func TestTheFirstDeltaIsPublishedEvenIfItIsEmpty(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	if c.State().Ready() {
		t.Error("ready before anything was read")
	}
	if err := c.carry(catalog.Delta{}); err != nil {
		t.Fatal(err)
	}
	if len(c.published.batches) != 1 || !c.State().Ready() {
		t.Errorf("published %v, ready %v", c.published.batches, c.State().Ready())
	}
	if want := (xdsserver.View{Datacenter: "dc1", Kind: xdsserver.Envoy}); c.published.views[0] != want {
		t.Errorf("view %v, want %v: the datacenter is the one that discovery found", c.published.views[0], want)
	}
	changed := c.State().Changed
	if changed.IsZero() || changed.Before(c.State().Complete) {
		t.Errorf("complete at %v and changed at %v", c.State().Complete, changed)
	}
	if err := c.carry(catalog.Delta{}); err != nil || len(c.published.batches) != 1 {
		t.Errorf("a delta that changes nothing was published: %v %v", c.published.batches, err)
	}
	if !c.State().Changed.Equal(changed) {
		t.Error("nothing was published, and that is called a change")
	}
}

func TestAChangeIsPublishedAsWhatItChanges(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	steps := []struct {
		delta     catalog.Delta
		set, gone int
	}{
		{catalog.Delta{Set: []catalog.Service{service("api", 80), service("web", 80)}}, 4, 0},
		{catalog.Delta{Set: []catalog.Service{service("web", 81)}}, 1, 0},
		{catalog.Delta{Gone: []catalog.ServiceKey{service("web", 81).Key}}, 0, 2},
	}
	for i, s := range steps {
		if err := c.carry(s.delta); err != nil {
			t.Fatal(err)
		}
		if b := c.published.batches[i]; len(b.Set) != s.set || len(b.Gone) != s.gone {
			t.Errorf("step %d: %d set and %d gone, want %d and %d", i, len(b.Set), len(b.Gone), s.set, s.gone)
		}
	}
}

func TestAProblemIsLoggedWhenItAppearsAndWhenItIsOver(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	carry := func(port int) string {
		c.log.Reset()
		if err := c.carry(catalog.Delta{Set: []catalog.Service{service("web", port)}}); err != nil {
			t.Fatal(err)
		}
		return c.log.String()
	}
	if said := carry(0); strings.Count(said, `msg="left out"`) != 1 || !strings.Contains(said, "service=web.dc1 instance=n1/web-1 reason=port") || !strings.Contains(said, "remedy=") {
		t.Errorf("when it appears: %s", said)
	}
	if problems(t, c) != 1 {
		t.Error("the metric does not count it")
	}
	if said := carry(0); strings.Contains(said, "left out") {
		t.Errorf("when it stays: %s", said)
	}
	if said := carry(80); strings.Count(said, `msg="no longer left out"`) != 1 {
		t.Errorf("when it is over: %s", said)
	}
	carry(0)
	c.log.Reset()
	if err := c.carry(catalog.Delta{Gone: []catalog.ServiceKey{service("web", 0).Key}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.log.String(), "no longer left out") || problems(t, c) != 0 {
		t.Errorf("when its service is gone: %s", c.log)
	}
}

// A problem of one service can be another's doing: it begins and ends with that one.
func TestAProblemEndsWithTheServiceThatCausedIt(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	web, taker := service("web", 80), service("web.grpc.port", 80)
	web.Instances[0].Ports = []catalog.Port{{Name: "grpc", Port: 81}, {Name: "http", Port: 80, Default: true}}
	steps := []struct {
		delta    catalog.Delta
		said     string
		problems float64
	}{
		{catalog.Delta{Set: []catalog.Service{web}}, "", 0},
		{catalog.Delta{Set: []catalog.Service{taker}}, `msg="left out" service=web.dc1 instance="" reason=name`, 1},
		{catalog.Delta{Set: []catalog.Service{service("api", 80)}}, "", 1},
		{catalog.Delta{Gone: []catalog.ServiceKey{taker.Key}}, `msg="no longer left out" service=web.dc1`, 0},
	}
	for i, s := range steps {
		c.log.Reset()
		if err := c.carry(s.delta); err != nil {
			t.Fatal(err)
		}
		if said := c.log.String(); strings.Count(said, "left out") != min(len(s.said), 1) || !strings.Contains(said, s.said) || problems(t, c) != s.problems {
			t.Errorf("step %d: %v problems, and the log says %s", i, problems(t, c), said)
		}
	}
}

func TestACatalogFullOfProblemsFillsNoLog(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	var d catalog.Delta
	for i := range 1000 {
		d.Set = append(d.Set, service(fmt.Sprintf("s%04d", i), 0))
	}
	if err := c.carry(d); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(c.log.String(), "\n"); n > 30 || !strings.Contains(c.log.String(), "count=980") {
		t.Errorf("%d lines:\n%s", n, c.log)
	}
	if problems(t, c) != 1000 {
		t.Errorf("%v problems are counted", problems(t, c))
	}
}

func TestADatacenterThatNoClusterCanHaveEndsTheBridge(t *testing.T) {
	config := translate.DefaultConfig()
	config.Datacenter = "a\x00b"
	c := newCrossing(config)
	if err := c.carry(catalog.Delta{}); err == nil || len(c.published.batches) != 0 {
		t.Errorf("error %v, published %v", err, c.published.batches)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := newCrossing(translate.DefaultConfig())
	ctx, cancel := context.WithCancel(t.Context())
	deltas, ended := make(chan catalog.Delta), make(chan error)
	go func() { ended <- c.Run(ctx, deltas) }()
	deltas <- catalog.Delta{Set: []catalog.Service{service("web", 80)}}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := c.State(); !s.Ready() || s.Since.IsZero() || s.Complete.Before(s.Since) {
		t.Errorf("state %+v", s)
	}
}

func TestRunEndsWithWhatNoClusterCanHave(t *testing.T) {
	config := translate.DefaultConfig()
	config.Datacenter = "a\x00b"
	deltas := make(chan catalog.Delta, 1)
	deltas <- catalog.Delta{}
	if err := newCrossing(config).Run(t.Context(), deltas); err == nil {
		t.Error("it ended without saying why")
	}
}

func TestABridgeIsAliveWhileItRuns(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if c.Alive(gone) {
		t.Error("alive before it runs")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx, nil) }()
	if !c.Alive(t.Context()) {
		t.Error("not alive while it runs")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAServiceThatLacksOnlyAPartOfItsPolicyIsNotCalledLeftOut(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	for _, step := range []struct{ protocol, says string }{
		{"grcp", `msg="served without a part of its policy" service=web.dc1`},
		{"grpc", `msg="served with all of its policy again" service=web.dc1`},
	} {
		web := service("web", 80)
		web.Instances[0].Meta = map[string]string{"legate-protocol": step.protocol}
		if err := c.carry(catalog.Delta{Set: []catalog.Service{web}}); err != nil {
			t.Fatal(err)
		}
		if said := c.log.String(); !strings.Contains(said, step.says) || strings.Contains(said, "left out") {
			t.Errorf("the log says %s", said)
		}
	}
}

// One problem begins as another ends: their number is the same, and both are told.
func TestAProblemThatTakesAnothersPlaceIsTold(t *testing.T) {
	c := newCrossing(translate.DefaultConfig())
	if err := c.carry(catalog.Delta{Set: []catalog.Service{service("api", 0), service("web", 80)}}); err != nil {
		t.Fatal(err)
	}
	c.log.Reset()
	if err := c.carry(catalog.Delta{Set: []catalog.Service{service("api", 80), service("web", 0)}}); err != nil {
		t.Fatal(err)
	}
	if said := c.log.String(); !strings.Contains(said, `msg="left out" service=web.dc1`) || !strings.Contains(said, `msg="no longer left out" service=api.dc1`) {
		t.Errorf("the log says %s", said)
	}
	if problems(t, c) != 1 {
		t.Errorf("%v problems are counted, want 1", problems(t, c))
	}
}

func TestSeconds(t *testing.T) {
	if got := seconds(1_500_000_400 * time.Nanosecond); got != 1.5 {
		t.Error(got)
	}
}

// problems is the sum of the metric legate_translate_problems.
func problems(t *testing.T, c *crossing) float64 {
	t.Helper()
	return metricstest.Sum(t, c.metrics, "legate_translate_problems")
}
