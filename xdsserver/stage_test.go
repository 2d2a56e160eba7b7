package xdsserver

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"legate/internal/xdstest"
	"legate/metrics"
	"legate/translate"
)

const (
	cds = translate.ClusterType
	eds = translate.AssignmentType
	sds = translate.SecretType
)

var (
	cluster    = xdstest.Cluster
	assignment = xdstest.Assignment
	own        = View{Datacenter: "dc1", Kind: Envoy}
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is a running server and a connection to it.
type stage struct {
	*Server
	t       testing.TB
	address string
	rest    string
	conn    *grpc.ClientConn
	stop    func() error // ends the server and says how it ended
}

func newStage(t testing.TB, change ...func(*Config)) *stage {
	t.Helper()
	return newStageThatLogs(t, io.Discard, change...)
}

func newStageThatLogs(t testing.TB, to io.Writer, change ...func(*Config)) *stage {
	t.Helper()
	return newStageWith(t, to, func(*Server) {}, change...)
}

// newStageWith prepares the server before it runs.
func newStageWith(t testing.TB, to io.Writer, prepare func(*Server), change ...func(*Config)) *stage {
	t.Helper()
	config := DefaultConfig()
	config.StopTimeout, config.Drain = time.Second, Drain{}
	for _, c := range change {
		c(&config)
	}
	s, err := New(config, slog.New(slog.NewTextHandler(to, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	prepare(s)
	ctx, cancel := context.WithCancel(context.Background())
	xds, rest := loopback(t), loopback(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, xds, rest) }()
	st := &stage{Server: s, t: t, address: xds.Addr().String(), rest: "http://" + rest.Addr().String()}
	stopped := false
	st.stop = func() error {
		cancel()
		if stopped {
			return nil
		}
		stopped = true
		return <-ended
	}
	t.Cleanup(func() {
		if err := st.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	st.conn = xdstest.Dial(t, st.address)
	return st
}

func loopback(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// set publishes resources in one batch.
func (s *stage) set(resources ...translate.Resource) {
	s.Publish(own, translate.Batch{Set: resources, Since: time.Now()})
}

// gone publishes the end of names in one batch.
func (s *stage) gone(names ...translate.Name) {
	s.Publish(own, translate.Batch{Gone: names, Since: time.Now()})
}

func service(name string, mark int) []translate.Resource {
	return []translate.Resource{cluster(name, mark), assignment(name, mark)}
}

// both tells a story in each protocol.
func both(t *testing.T, story func(t *testing.T, s *stage, open func(node string) *xdstest.Client)) {
	bothWith(t, func(*Config) {}, story)
}

func bothWith(t *testing.T, change func(*Config), story func(t *testing.T, s *stage, open func(node string) *xdstest.Client)) {
	t.Parallel() // most of a story is waiting
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, change)
			story(t, s, func(node string) *xdstest.Client { return xdstest.Open(t, s.conn, p, node) })
		})
	}
}

func incremental(t *testing.T, s *stage, node string) *xdstest.Client {
	return xdstest.Open(t, s.conn, xdstest.Delta, node)
}

func stateOfTheWorld(t *testing.T, s *stage, node string) *xdstest.Client {
	return xdstest.Open(t, s.conn, xdstest.SotW, node)
}

// counted has what happens from now on counted. No stream may be open yet.
func (s *stage) counted() *metrics.Metrics {
	m := metrics.New(metrics.BuildInfo{})
	m.XDS.Serves(typeURLs()...)
	s.metrics, s.callbacks.metrics = m.XDS, m.XDS
	return m
}
