package xdsserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	loadservice "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"legate/internal/xdstest"
	"legate/translate"
	"legate/xdsserver/admission"
)

func (s *stage) clientStatus(r *statusv3.ClientStatusRequest) (*statusv3.ClientStatusResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return statusv3.NewClientStatusDiscoveryServiceClient(s.conn).FetchClientStatus(ctx, r)
}

// statusRows are the rows of an answer in short: node, type, name, version, state, state of the client and why.
func statusRows(m *statusv3.ClientStatusResponse) (rows []string) {
	word := map[string]string{cds: "cluster", eds: "endpoints"}
	for _, c := range m.GetConfig() {
		for _, x := range c.GetGenericXdsConfigs() {
			version := ""
			if x.GetVersionInfo() != "" {
				version = "@"
			}
			rows = append(rows, strings.TrimSpace(fmt.Sprintf("%s %s %s%s %v %v %s", c.GetNode().GetId(), word[x.GetTypeUrl()], x.GetName(), version,
				x.GetConfigStatus(), x.GetClientStatus(), x.GetErrorState().GetDetails())))
		}
	}
	return rows
}

func node(how func(*matcherv3.StringMatcher)) []*matcherv3.NodeMatcher {
	m := &matcherv3.StringMatcher{}
	how(m)
	return []*matcherv3.NodeMatcher{{NodeId: m}}
}

func TestToolsAreToldWhichResourcesEachClientHas(t *testing.T) {
	both(t, func(t *testing.T, s *stage, open opener) {
		s.set(append(service("web", 1), service("db", 1)...)...)
		good, odd, slow := open("good"), open("odd"), open("slow")
		for _, c := range []*xdstest.Client{good, odd, slow} {
			c.Want(eds, "web", "db", "ghost")
			c.Accept(eds, "web@1", "db@1", "ghost@empty")
		}
		s.set(assignment("web", 2))
		good.Accept(eds, "web@2")
		odd.Nack(odd.Expect(eds, "web@2"), "weights are bad")
		odd.Accept(eds, "web@1")
		slow.Expect(eds, "web@2")
		want := []string{
			"good endpoints db@ SYNCED ACKED", "good endpoints ghost SYNCED DOES_NOT_EXIST", "good endpoints web@ SYNCED ACKED",
			"odd endpoints db@ SYNCED ACKED", "odd endpoints ghost SYNCED DOES_NOT_EXIST", "odd endpoints web@ ERROR NACKED weights are bad",
			"slow endpoints db@ SYNCED ACKED", "slow endpoints ghost SYNCED DOES_NOT_EXIST", "slow endpoints web@ STALE REQUESTED",
		}
		var m *statusv3.ClientStatusResponse
		soon(t, "all answers have arrived", func() bool {
			var err error
			if m, err = s.clientStatus(&statusv3.ClientStatusRequest{ExcludeResourceContents: true}); err != nil {
				t.Fatal(err)
			}
			return slices.Equal(statusRows(m), want)
		})
		web := m.GetConfig()[1].GetGenericXdsConfigs()[2]
		if now, _ := s.Dump(own); web.GetVersionInfo() != versionIn(now, eds, "web") || web.GetErrorState().GetVersionInfo() != web.GetVersionInfo() {
			t.Errorf("version %q, rejected %q", web.GetVersionInfo(), web.GetErrorState().GetVersionInfo())
		}
		if age := time.Since(web.GetErrorState().GetLastUpdateAttempt().AsTime()); age < 0 || age > time.Hour || web.GetLastUpdated().AsTime().After(time.Now()) || web.GetXdsConfig() != nil {
			t.Errorf("%v ago: %v", age, web)
		}
		if c := m.GetConfig()[0]; c.GetNode().GetUserAgentName() != "envoy" || !strings.Contains(c.GetClientScope(), " from 127.0.0.1:") {
			t.Errorf("client: %v", c)
		}

		only, err := s.clientStatus(&statusv3.ClientStatusRequest{NodeMatchers: node(func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: "good"} })})
		if err != nil || len(only.GetConfig()) != 1 || only.GetConfig()[0].GetGenericXdsConfigs()[2].GetXdsConfig().GetTypeUrl() != eds {
			t.Errorf("contents: %v, %v", only, err)
		}
	})
}

func versionIn(all []translate.Resource, typeURL, name string) string {
	for _, r := range all {
		if r.Name == (translate.Name{Type: typeURL, Name: name}) {
			return r.Version
		}
	}
	return ""
}

func TestWhatWasNotSentOrIsGoneIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		early := open("early")
		early.Want(cds)
		synctest.Wait()
		says := func(want ...string) {
			t.Helper()
			synctest.Wait()
			a := s.admission.NewAnswer(&admission.Address{})
			defer a.Release()
			m, err := s.Server.clientStatus(a, func(string) bool { return true }, false)
			if err != nil || !slices.Equal(statusRows(m), want) {
				t.Errorf("%q, want %q: %v", statusRows(m), want, err)
			}
		}
		says("early cluster  NOT_SENT REQUESTED")
		s.set(append(service("web", 1), service("db", 1)...)...)
		early.Accept(cds, "web@1", "db@1")
		says("early cluster db@ SYNCED ACKED", "early cluster web@ SYNCED ACKED")
		s.gone(translate.Name{Type: cds, Name: "db"})
		r := early.Read()
		says("early cluster db STALE REQUESTED", "early cluster web@ SYNCED ACKED")
		early.Ack(r)
		says("early cluster web@ SYNCED ACKED")
	})
}

func TestNodesAreMatchedByTheirIDs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(service("web", 1)...)
	for _, id := range []string{"a-1", "a-2", "b-1"} {
		c := incremental(t, s, id)
		c.Want(cds)
		c.Accept(cds, "web@1")
	}
	for _, c := range []struct {
		name string
		how  func(*matcherv3.StringMatcher)
		want string // the nodes, or why it is refused
	}{
		{"exact", func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: "a-1"} }, "a-1"},
		{"prefix", func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: "a-"} }, "a-1 a-2"},
		{"suffix", func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: "-1"} }, "a-1 b-1"},
		{"contains", func(m *matcherv3.StringMatcher) {
			m.MatchPattern, m.IgnoreCase = &matcherv3.StringMatcher_Contains{Contains: "B"}, true
		}, "b-1"},
		{"none", func(m *matcherv3.StringMatcher) { m.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: "a"} }, ""},
		{"regex", func(m *matcherv3.StringMatcher) {
			m.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: "a.*"}}
		}, "node_matchers[0].node_id: Legate matches exact, prefix, suffix and contains"},
		{"nothing", func(*matcherv3.StringMatcher) {}, "node_matchers[0].node_id: Legate matches exact"},
	} {
		m, err := s.clientStatus(&statusv3.ClientStatusRequest{NodeMatchers: node(c.how)})
		if err != nil {
			wantStatus(t, err, "InvalidArgument", c.want)
			continue
		}
		var ids []string
		for _, one := range m.GetConfig() {
			ids = append(ids, one.GetNode().GetId())
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	_, err := s.clientStatus(&statusv3.ClientStatusRequest{NodeMatchers: []*matcherv3.NodeMatcher{{NodeMetadatas: []*matcherv3.StructMatcher{{}}}}})
	wantStatus(t, err, "InvalidArgument", "node_matchers[0].node_metadatas: Legate does not keep")
	_, err = s.clientStatus(&statusv3.ClientStatusRequest{NodeMatchers: make([]*matcherv3.NodeMatcher, maxMatchers+1)})
	wantStatus(t, err, "InvalidArgument", "101 node_matchers")
	_, err = s.clientStatus(&statusv3.ClientStatusRequest{Node: &corev3.Node{Id: strings.Repeat("x", 257)}})
	wantStatus(t, err, "InvalidArgument", "node's id")
}

func TestAnAnswerThatWouldBeTooLargeSaysLess(t *testing.T) {
	inBubble(t, func(t *testing.T, s *stage, open opener) {
		var all []translate.Resource
		for i := range 50 {
			all = append(all, cluster(fmt.Sprint("service-", i), 1))
		}
		s.set(all...)
		for _, id := range []string{"one", "two"} {
			c := open(id)
			c.Want(cds)
			c.Ack(c.Read())
		}
		synctest.Wait()
		answer := func(most int, contents bool) (rows, withContents int, err error) {
			s.config.MaxResponseBytes = most
			a := s.admission.NewAnswer(&admission.Address{})
			defer a.Release()
			m, err := s.Server.clientStatus(a, func(string) bool { return true }, contents)
			if size := proto.Size(m); size > most {
				t.Errorf("%d bytes, the most is %d", size, most)
			}
			for _, c := range m.GetConfig() {
				for _, x := range c.GetGenericXdsConfigs() {
					if rows++; x.GetXdsConfig() != nil {
						withContents++
					}
				}
			}
			return rows, withContents, err
		}
		for _, c := range []struct{ most, rows, contents int }{{1 << 20, 100, 100}, {15_000, 100, 0}, {1000, 2, 0}} {
			if rows, contents, err := answer(c.most, true); err != nil || rows != c.rows || contents != c.contents {
				t.Errorf("at most %d bytes: %d rows, %d with contents, %v", c.most, rows, contents, err)
			}
		}
		_, _, err := answer(100, true)
		wantStatus(t, err, "ResourceExhausted", "name fewer nodes with node_matchers")
	})
}

func TestWhoPollsIsTold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(service("web", 1)...)
	s.polls.note("10.0.0.7", "poller", cds, true, time.Now())
	m, err := s.clientStatus(&statusv3.ClientStatusRequest{})
	if want := []string{"poller cluster  SYNCED ACKED"}; err != nil || !slices.Equal(statusRows(m), want) || m.GetConfig()[0].GetClientScope() != "polls from 10.0.0.7" {
		t.Errorf("%v, %v", m, err)
	}
}

func TestAStreamOfStatusAnswersEachRequestAndEndsWithLegate(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	open := func() statusv3.ClientStatusDiscoveryService_StreamClientStatusClient {
		stream, err := statusv3.NewClientStatusDiscoveryServiceClient(s.conn).StreamClientStatus(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	left, stays := open(), open()
	for _, stream := range []statusv3.ClientStatusDiscoveryService_StreamClientStatusClient{left, stays, left} {
		if err := stream.Send(&statusv3.ClientStatusRequest{}); err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); err != nil || len(m.GetConfig()) != 0 {
			t.Fatalf("%v, %v", m, err)
		}
	}
	if err := left.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := left.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	_, err := stays.Recv()
	wantStatus(t, err, "Unavailable", "shutting down")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWhoMayAskForTheStatusOfAll(t *testing.T) {
	t.Parallel()
	from := func(a net.Addr) context.Context { return peer.NewContext(t.Context(), &peer.Peer{Addr: a}) }
	far, near := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4242}, &net.TCPAddr{IP: net.IPv6loopback, Port: 4242}
	for _, c := range []struct {
		askers Askers
		from   net.Addr
		may    bool
	}{
		{AskersLocal, far, false}, {AskersLocal, near, true}, {AskersLocal, &net.UnixAddr{Net: "unix"}, true}, {AskersAll, far, true},
	} {
		s := bubbled(t, func(config *Config) { config.ClientStatus = c.askers })
		err := s.mayAsk(&limitedStream{admitted: s.admission.NewStream(from(c.from))})
		if c.may && err != nil {
			t.Errorf("%s from %v: %v", c.askers, c.from, err)
		}
		if !c.may {
			wantStatus(t, err, "PermissionDenied", "--xds-client-status all")
		}
	}
}

func TestServicesThatAreNotServedSayWhy(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.ClientStatus = AskersOff })
	_, err := s.clientStatus(&statusv3.ClientStatusRequest{})
	wantStatus(t, err, "Unimplemented", "--xds-client-status local")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	load, err := loadservice.NewLoadReportingServiceClient(s.conn).StreamLoadStats(ctx)
	if err == nil {
		_, err = load.Recv()
	}
	wantStatus(t, err, "Unimplemented", "Legate takes no load reports (LRS); take load_stats_config out of the bootstrap")
}

func TestTheStatusOfAllTakesATenthOfACoreAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, stopping := newTurn(), make(chan struct{})
		wait := func() error { return turns.wait(t.Context(), time.Second, stopping) }
		begun := time.Now()
		for range 2 {
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			time.Sleep(100 * time.Millisecond)
			turns.done(began)
		}
		if took := time.Since(begun); took != 1100*time.Millisecond {
			t.Errorf("two took %v", took)
		}
		if err := wait(); err != nil { // in the ninth tenth of the pause
			t.Fatal(err)
		}
		wantStatus(t, wait(), "Unavailable", "come again later")
		turns.done(time.Now())
		synctest.Wait()
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		close(stopping)
		if err := wait(); !errors.Is(err, admission.ErrStopping) {
			t.Error(err)
		}
	})
}
