package xdsserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	endpointservice "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"legate/internal/xdstest"
	"legate/translate"
)

func wantStatus(t testing.TB, err error, code, text string) {
	t.Helper()
	if s := status.Convert(err); s.Code().String() != code || !strings.Contains(s.Message(), text) {
		t.Errorf("got %v, want %s with %q", err, code, text)
	}
}

func TestServicesPerTypeServeTheirTypeOnly(t *testing.T) {
	s := newStage(t)
	s.set(service("web", 1)...)
	for _, c := range []struct {
		protocol     xdstest.Protocol
		method, want string
	}{
		{xdstest.SotW, clusterservice.ClusterDiscoveryService_StreamClusters_FullMethodName, cds},
		{xdstest.Delta, clusterservice.ClusterDiscoveryService_DeltaClusters_FullMethodName, cds},
		{xdstest.SotW, endpointservice.EndpointDiscoveryService_StreamEndpoints_FullMethodName, eds},
		{xdstest.Delta, endpointservice.EndpointDiscoveryService_DeltaEndpoints_FullMethodName, eds},
	} {
		t.Run(c.method, func(t *testing.T) {
			client := xdstest.OpenMethod(t, s.conn, c.protocol, c.method, &corev3.Node{Id: "edge"})
			client.Want("", "web") // the type goes without saying
			client.Accept(c.want, "web@1")

			other := xdstest.OpenMethod(t, s.conn, c.protocol, c.method, &corev3.Node{Id: "edge"})
			other.Want("type.googleapis.com/some.Other", "web")
			wantStatus(t, other.Ended(), "InvalidArgument", "aggregated")
		})
	}
}

func TestASlowReaderDelaysNobodyAndGetsTheLatest(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(assignment("big", 1))
		slow, good := open("slow"), open("good")
		slow.Want(eds, "big")
		good.Want(eds, "big")
		slow.Read()
		good.Accept(eds, "big@1")
		for i := 2; i <= 500; i++ {
			s.set(assignment("big", i))
		}
		for {
			if r := good.Read(); r.String() == "big@500" {
				break
			} else {
				good.Ack(r)
			}
		}
		for {
			r := slow.Read()
			slow.Ack(r)
			if r.String() == "big@500" {
				break
			}
		}
		slow.Silence()
	})
}

func TestAStreamThatFellBehindTheLogIsComparedWithEverything(t *testing.T) {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	for _, table := range s.stores[own].tables {
		table.logLimit = 2
	}
	c := incremental(t, s, "edge")
	c.Want(eds, "a", "b")
	unanswered := []*xdstest.Response{c.Expect(eds, "a@1", "b@1")}
	for i := range maxFlight - 1 { // until it gets nothing more
		s.set(assignment("a", 10+i))
		unanswered = append(unanswered, c.Expect(eds, "a@"+strconv.Itoa(10+i)))
	}
	s.set(assignment("b", 7))
	for i := range 20 { // the log has forgotten the change of b
		s.set(assignment("a", 1000+i))
	}
	c.Silence()
	c.Ack(unanswered[len(unanswered)-1])
	c.Accept(eds, "a@1019", "b@7")
}

func TestAStreamThatMayHoldForgottenNamesStartsAgain(t *testing.T) {
	s := newStage(t)
	s.set(append(service("a", 1), service("b", 1)...)...)
	for _, table := range s.stores[own].tables {
		table.logLimit = 2
	}
	c := incremental(t, s, "edge")
	c.Want(cds)
	last := c.Expect(cds, "a@1", "b@1")
	for i := range maxFlight - 1 {
		s.set(cluster("a", 10+i))
		last = c.Expect(cds, "a@"+strconv.Itoa(10+i))
	}
	s.gone(translate.Name{Type: cds, Name: "b"})
	for i := range 20 {
		s.set(cluster("a", 1000+i))
	}
	c.Ack(last)
	wantStatus(t, c.Ended(), "Unavailable", "connect again")

	again := incremental(t, s, "edge")
	again.Resume(cds, map[string]string{"a": "v72", "b": "v1"})
	again.Accept(cds, "a@1019", "-b")
}

func TestHealthSaysWhetherThereIsSomethingToServe(t *testing.T) {
	s := newStage(t)
	probe := healthpb.NewHealthClient(s.conn)
	serving := func() string {
		r, err := probe.Check(context.Background(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetStatus().String()
	}
	if got := serving(); got != "NOT_SERVING" {
		t.Errorf("before the first batch: %s", got)
	}
	s.set()
	for deadline := time.Now().Add(2 * time.Minute); serving() != "SERVING"; {
		if time.Now().After(deadline) {
			t.Fatal("not serving after the first batch")
		}
	}
}

func TestRunEndsInTimeThoughStreamsAreOpen(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		c.Want(cds)
		c.Accept(cds, "web@1")
		start := time.Now()
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
		wantStatus(t, c.Ended(), "Unavailable", "")
	})
}

func TestRESTAnswersOnceAndThenNotModified(t *testing.T) {
	s := newStage(t)
	post := func(path, body string) (int, map[string]any) {
		t.Helper()
		r, err := http.Post(s.rest+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		raw, _ := io.ReadAll(r.Body)
		var m map[string]any
		_ = json.Unmarshal(raw, &m)
		return r.StatusCode, m
	}
	const clusters, endpoints = "/v3/discovery:clusters", "/v3/discovery:endpoints"
	if code, _ := post(clusters, `{}`); code != http.StatusServiceUnavailable {
		t.Errorf("before the first batch: %d", code)
	}
	s.set(append(service("web", 1), service("db", 1)...)...)
	code, m := post(clusters, `{"node":{"id":"edge"}}`)
	if code != http.StatusOK || len(m["resources"].([]any)) != 2 {
		t.Fatalf("%d %v", code, m)
	}
	same := fmt.Sprintf(`{"version_info":%q}`, m["version_info"])
	if code, _ := post(clusters, same); code != http.StatusNotModified {
		t.Errorf("the same version again: %d", code)
	}
	s.set(cluster("web", 2))
	if code, _ := post(clusters, same); code != http.StatusOK {
		t.Errorf("an old version: %d", code)
	}
	code, m = post(endpoints, `{"resource_names":["web","ghost"]}`)
	if code != http.StatusOK || len(m["resources"].([]any)) != 2 {
		t.Errorf("a name that Consul does not have is answered too: %d %v", code, m)
	}
	for names, want := range map[string]int{`"web",""`: 1, `"*"`: 2, `"*","ghost"`: 3} {
		if code, m := post(endpoints, `{"resource_names":[`+names+`]}`); code != http.StatusOK || len(m["resources"].([]any)) != want {
			t.Errorf("names %s: %d %v", names, code, m)
		}
	}
	if code, m := post(clusters, `{"resource_names":["*"]}`); code != http.StatusOK || len(m["resources"].([]any)) != 2 {
		t.Errorf("all clusters: %d %v", code, m)
	}
	if code, _ := post(endpoints, `nonsense`); code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", code)
	}
	if r, err := http.Get(s.rest + clusters); err != nil || r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v %v", r, err)
	} else {
		_ = r.Body.Close()
	}
}

func TestARequestThatIsTooLargeIsRefused(t *testing.T) {
	s := newStage(t, func(c *Config) { c.MaxRequestBytes, c.Limits.BodyBytes, c.MaxNames = 1000, 1000, 3 })
	s.set()
	r, err := http.Post(s.rest+"/v3/discovery:clusters", "application/json", bytes.NewReader(make([]byte, 2000)))
	if err != nil || r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%v %v", r, err)
	} else {
		_ = r.Body.Close()
	}
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		c := xdstest.Open(t, s.conn, p, "edge")
		c.Want(eds, "a", "b", "c", "d")
		wantStatus(t, c.Ended(), codes.ResourceExhausted.String(), "more names")
		c = xdstest.Open(t, s.conn, p, strings.Repeat("x", 2000))
		c.Want(eds)
		wantStatus(t, c.Ended(), codes.ResourceExhausted.String(), "")
	}
}

func TestResponsesNameTheirServer(t *testing.T) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		s := newStage(t, func(c *Config) { c.Identifier = "legate-1" })
		s.set(service("web", 1)...)
		c := xdstest.Open(t, s.conn, p, "edge")
		c.Want(cds)
		if r := c.Accept(cds, "web@1"); r.From != "legate-1" {
			t.Errorf("%s: from %q", p, r.From)
		}
	}
}

func TestStreamsAndViewsTellWhereEverybodyStands(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(service("web", 1)...)
		c := open("edge")
		state := func(want State) {
			t.Helper()
			for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
				streams := s.Streams()
				if len(streams) == 1 && len(streams[0].Types) == 1 && streams[0].Types[0].State == want && streams[0].Node == "edge" {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("state is not %s: %+v", want, streams)
				}
			}
		}
		c.Want(cds)
		r := c.Expect(cds, "web@1")
		state(Stale)
		c.Nack(r, "no\x00 good\n at all")
		state(Nacked)
		if got := s.Streams()[0].Types[0].Rejection; got != "no good  at all" {
			t.Errorf("rejection %q", got)
		}
		s.set(cluster("web", 2))
		c.Accept(cds, "web@2")
		state(Synced)
		if v := s.Views(); len(v) != 1 || v[0].Streams != 1 || v[0].Resources[cds] != 1 {
			t.Errorf("%+v", v)
		}
		if dump, ok := s.Dump(own); !ok || len(dump) != 2 || dump[0].Name != (translate.Name{Type: cds, Name: "web"}) {
			t.Errorf("%v", dump)
		}
		c.Close()
		for deadline := time.Now().Add(2 * time.Minute); s.Views()[0].Streams != 0 || len(s.Streams()) != 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the stream is not forgotten")
			}
		}
	})
}

func TestTheFirstRequestIsSignalled(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		select {
		case <-s.FirstRequest():
			t.Fatal("nobody has asked yet")
		default:
		}
		open("edge").Want(cds)
		select {
		case <-s.FirstRequest(): // before there is anything to answer with
		case <-time.After(2 * time.Minute):
			t.Fatal("no signal")
		}
	})
}
