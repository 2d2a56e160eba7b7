package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	clusterservicev3 "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/discovery/catalog"
	"legate/internal/admin"
	"legate/internal/bridge"
	"legate/internal/changes"
	"legate/internal/logs"
	"legate/internal/logtest"
	"legate/internal/xdstest"
	"legate/metrics"
	"legate/translate"
	"legate/xdsserver"
)

// Whoever makes Legate complain, over whatever interface, gets a bounded log: a limited number of
// short lines of each kind a minute, and a count of those left out.
func TestNobodyFloodsTheLog(t *testing.T) {
	for name, flood := range map[string]struct {
		says  string // the message of the flood
		does  func(t *testing.T, log *slog.Logger)
		least int // how often it happens at least, unless it is aggregated
	}{
		"posts without permission":            {"admin request refused", postsWith("", ""), 0},
		"posts with a wrong token":            {"admin request refused", postsWith("s3cret", "guess"), 0},
		"posts while there is no token":       {"admin request refused", postsWith("s3cret", "gone"), 0},
		"a registration that comes and goes":  {"left out", comesAndGoes, 300},
		"a registration that always changes":  {"changed", changesAlways, 0},
		"streams that reject all they get":    {"client rejects a resource and keeps what it has", rejectAll, 0},
		"streams that ask for what is not":    {"type is not served and will not be answered", askForOtherTypes, 0},
		"streams that are of too many kinds":  {"too many kinds of clients outside of ADS, this one is served as all others", ofManyKinds, 0},
		"streams that come":                   {"client connected", comeAndGo, 0},
		"streams that go":                     {"client disconnected", comeAndGo, 0},
		"calls of methods that there are not": {"client refused", callWhatIsNot, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const most, length = 35, 12 << 10
			var paper logtest.Buffer
			var o logOptions
			o.settings()
			o.format = "json"
			log, bounded := o.logger(&paper, func(string) string { return "" })
			flood.does(t, log)
			bounded.Flush()
			about, left := 0, 0.0
			kinds := map[string]int{}
			for line := range strings.Lines(paper.String()) {
				var m struct {
					Msg  string
					Left float64 `json:"left_out"`
				}
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatalf("%v: %.200s", err, line)
				}
				kinds[m.Msg]++
				if len(line) > length {
					t.Errorf("a line has %d bytes: %.200s", len(line), line)
				}
				if m.Msg == flood.says {
					about++
					left += m.Left
				}
			}
			for kind, n := range kinds {
				if n > most {
					t.Errorf("%d lines of %q", n, kind)
				}
			}
			t.Logf("%d lines are about it, %.0f were left out", about, left)
			if about == 0 || flood.least > 0 && about+int(left) < flood.least {
				t.Errorf("%d lines are about it and %v were left out, of %d: %v", about, left, flood.least, kinds)
			}
		})
	}
}

func postsWith(token, given string) func(*testing.T, *slog.Logger) {
	return func(t *testing.T, log *slog.Logger) {
		posts := 2000
		if !testing.Short() {
			posts = 30_293 // as a penetration test sent in a second and a half, each of which was a line
		}
		m := metrics.New(metrics.BuildInfo{})
		var config admin.Config
		if token != "" {
			config.TokenFile = filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(config.TokenFile, []byte(token), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := admin.New(config, admin.Rooms{Metrics: http.NotFoundHandler(), Actions: map[string]http.Handler{admin.ReleasePath: http.NotFoundHandler()}}, log, m.Admin)
		if err != nil {
			t.Fatal(err)
		}
		if given == "gone" {
			if err := os.Remove(config.TokenFile); err != nil {
				t.Fatal(err)
			}
		}
		h := s.Handler()
		for range posts {
			r := httptest.NewRequest(http.MethodPost, "http://localhost"+admin.ReleasePath, nil)
			r.Header.Set("Authorization", "Bearer "+given)
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code < 400 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		// The log has one line a minute; the metric counts every one.
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		counted := 0
		for line := range strings.Lines(w.Body.String()) {
			if value, is := strings.CutPrefix(line, "legate_admin_refused_total{"); is {
				n, err := strconv.Atoi(strings.TrimSpace(value[strings.LastIndex(value, "}")+1:]))
				if err != nil {
					t.Fatal(err)
				}
				counted += n
			}
		}
		if counted != posts {
			t.Errorf("%d of %d refusals are counted", counted, posts)
		}
	}
}

// comesAndGoes plays somebody who may register one service and gives its instance ids of any
// length.
func comesAndGoes(t *testing.T, log *slog.Logger) {
	deltas := make(chan catalog.Delta)
	b := bridge.New(translate.DefaultConfig(), func() string { return "dc1" }, nowhere{}, log, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx, deltas) }()
	key := catalog.ServiceKey{Datacenter: "dc1", Name: "web"}
	for range 300 {
		bad := catalog.Instance{ID: strings.Repeat("x\u202e", 50_000), Node: "n", Address: "10.0.0.1", Port: 0}
		deltas <- catalog.Delta{Set: []catalog.Service{{Key: key, Instances: []catalog.Instance{bad}}}}
		deltas <- catalog.Delta{Gone: []catalog.ServiceKey{key}}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// changesAlways plays one who registers a service anew all the time, and has its instances say a lot.
func changesAlways(t *testing.T, log *slog.Logger) {
	r := changes.New()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.Tell(ctx, log, nil); close(ended) }()
	evil := strings.Repeat("x\u202e\n", 50_000)
	was := catalog.Service{Key: catalog.ServiceKey{Name: evil}}
	for n := range 300 {
		is := catalog.Service{Key: was.Key, Instances: []catalog.Instance{{ID: evil, Node: evil, Address: evil, Port: n, Health: catalog.Critical, Checks: []catalog.Check{{ID: evil, Status: evil}}}}}
		r.Add(changes.OfService(&was, &is))
		was = is
	}
	time.Sleep(1500 * time.Millisecond) // until they are summed up
	cancel()
	<-ended
}

type nowhere struct{}

func (nowhere) Publish(xdsserver.View, translate.Batch) {}

func (nowhere) Votes(xdsserver.View, []translate.Name) (none xdsserver.Votes) { return none }

// onXDS floods a server over a connection, then stops the server.
func onXDS(t *testing.T, log *slog.Logger, flood func(s *xdsserver.Server, conn *grpc.ClientConn)) {
	t.Helper()
	config := xdsserver.DefaultConfig()
	config.Drain = xdsserver.Drain{}
	s, err := xdsserver.New(config, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, l, nil) }()
	flood(s, xdstest.Dial(t, l.Addr().String()))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

var view = xdsserver.View{Datacenter: "dc1", Kind: xdsserver.Envoy}

func rejectAll(t *testing.T, log *slog.Logger) {
	onXDS(t, log, func(s *xdsserver.Server, conn *grpc.ClientConn) {
		var all []translate.Resource
		for i := range 100 {
			all = append(all, xdstest.Assignment(fmt.Sprint("svc-", i), 1))
		}
		s.Publish(view, translate.Batch{Set: all})
		var clients []*xdstest.Client
		for i := range 20 {
			c := xdstest.Open(t, conn, xdstest.Delta, fmt.Sprint("made-up-", i))
			c.Want(translate.AssignmentType, "*")
			clients = append(clients, c)
		}
		long := time.Second
		if !testing.Short() {
			long = 10 * time.Second // for as long as a penetration test did, which made 86,326 lines
		}
		var rejecting sync.WaitGroup
		var rejected atomic.Int64
		for _, c := range clients {
			rejecting.Go(func() {
				for began := time.Now(); time.Since(began) < long || rejected.Load() < 100 && time.Since(began) < 30*time.Second; {
					if r := c.Poll(10 * time.Millisecond); r != nil {
						c.Nack(r, strings.Repeat("no\u009b", 1000))
						rejected.Add(1)
					}
				}
			})
		}
		rejecting.Wait()
		t.Logf("%d responses were rejected", rejected.Load())
		time.Sleep(1500 * time.Millisecond) // until the aggregated lines are logged
	})
}

func askForOtherTypes(t *testing.T, log *slog.Logger) {
	onXDS(t, log, func(s *xdsserver.Server, conn *grpc.ClientConn) {
		s.Publish(view, translate.Batch{})
		for i := range 40 {
			c := xdstest.Open(t, conn, xdstest.Delta, fmt.Sprint("made-up-", i))
			for j := range 16 {
				c.Want(fmt.Sprintf("type.googleapis.com/%d.%d", i, j))
			}
		}
		time.Sleep(1500 * time.Millisecond)
	})
}

func ofManyKinds(t *testing.T, log *slog.Logger) {
	onXDS(t, log, func(s *xdsserver.Server, conn *grpc.ClientConn) {
		s.Publish(view, translate.Batch{})
		for i := range 100 {
			c := xdstest.OpenMethod(t, conn, xdstest.Delta, clusterservicev3.ClusterDiscoveryService_DeltaClusters_FullMethodName,
				&corev3.Node{Id: fmt.Sprint("made-up-", i), Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
					"legate_xds_cluster": structpb.NewStringValue(fmt.Sprint("kind-", i))}}})
			c.Want(translate.ClusterType)
			c.Read()
		}
		time.Sleep(1500 * time.Millisecond)
	})
}

func comeAndGo(t *testing.T, log *slog.Logger) {
	onXDS(t, log, func(s *xdsserver.Server, conn *grpc.ClientConn) {
		s.Publish(view, translate.Batch{})
		for i := range 100 {
			c := xdstest.Open(t, conn, xdstest.Delta, strings.Repeat(fmt.Sprint("made-up\u202e-", i), 10))
			c.Want(translate.ClusterType, "*")
			c.Read()
			c.Close()
		}
		time.Sleep(1500 * time.Millisecond) // until they are summed up
	})
}

func callWhatIsNot(t *testing.T, log *slog.Logger) {
	onXDS(t, log, func(_ *xdsserver.Server, conn *grpc.ClientConn) {
		for i := range 200 {
			_ = conn.Invoke(t.Context(), fmt.Sprintf("/made.up/%d", i), &discoveryv3.DiscoveryRequest{}, &discoveryv3.DiscoveryResponse{})
		}
	})
}

// Everything that is logged must pass the handler that bounds it: only one place may make a logger.
func TestOnlyOnePlaceMakesTheLogger(t *testing.T) {
	if _, is := any((&logs.Handler{})).(slog.Handler); !is {
		t.Fatal("it is no handler")
	}
	for _, room := range []string{"..", "../../discovery", "../../translate", "../../xdsserver", "../../metrics"} {
		err := filepath.WalkDir(room, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = bytes.ReplaceAll(text, []byte("slog.New(slog.DiscardHandler)"), nil)
			for _, maker := range []string{"slog.New(", "slog.NewTextHandler(", "slog.NewJSONHandler(", "slog.Default(", "slog.Warn(", "slog.Error(", "slog.Info(", "log.Print", "log.Fatal"} {
				if bytes.Contains(text, []byte(maker)) && path != "../cli/logging.go" && !ofTests(path) {
					t.Errorf("%s has a logger of its own: %s", path, maker)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ofTests reports whether a file is used only by tests and measurements.
func ofTests(path string) bool {
	for _, part := range []string{"test/", "/bench/", "/parts/", "/chaos/", "/e2e/", "/demo/"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}
