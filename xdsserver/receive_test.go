package xdsserver

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/xdsserver/admission"
)

const (
	sotwMethod  = discoveryv3.AggregatedDiscoveryService_StreamAggregatedResources_FullMethodName
	deltaMethod = discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResources_FullMethodName
)

// begin sends the beginning of a message that is said to have so many bytes. Each frame fits in a window that
// nobody has to open.
func (b bare) begin(stream uint32, size int, data []byte) {
	data = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(size)), data...)
	for len(data) > 0 {
		n := min(len(data), 16<<10)
		b.frameOf(stream, frameData, 0, data[:n])
		data = data[n:]
	}
}

func TestAMessageThatDoesNotEndIsCutOff(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]string{"stream": sotwMethod, "probe": healthpb.Health_Check_FullMethodName} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, func(c *Config) { c.Limits.MessageTime = time.Second / 2 })
			s.set(service("web", 1)...)
			b := s.bare()
			b.data()
			b.headers(1, deltaMethod) // one that waits is not concerned
			b.begin(1, 0, nil)
			b.headers(3, method)
			b.begin(3, 1000, []byte{1})
			soon(t, "it is cut off", func() bool { return s.met("message_time") == 1 })
			time.Sleep(time.Second)
			if n := s.met("message_time"); n != 1 {
				t.Errorf("%d were cut off", n)
			}
		})
	}
}

// The length of a field stands before it.
func TestWhatIsTooLargeIsRefusedBeforeItIsThere(t *testing.T) {
	t.Parallel()
	for limit, beginning := range map[string][]byte{
		admission.LimitNodeBytes: {2<<3 | 2, 0x80, 0x80, 0x30}, // 786,432 bytes
		admission.LimitNames:     {3<<3 | 2, 0x80, 0x80, 0x30},
	} {
		s := newStage(t)
		s.set(service("web", 1)...)
		b := s.bare()
		b.data()
		b.headers(1, sotwMethod)
		b.begin(1, 1<<20, append(beginning, make([]byte, 20<<10)...))
		soon(t, limit, func() bool { return s.met(limit) == 1 })
	}
}

func TestAStreamMaySendLargerMessagesWhenItHasSentLargeOnes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(service("web", 1)...)
	ask := func(bytes int, name string) *discoveryv3.DiscoveryRequest {
		return &discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: "edge"}, TypeUrl: eds, VersionInfo: strings.Repeat("x", bytes), ResourceNames: []string{name}}
	}
	c := stateOfTheWorld(t, s, "edge")
	for i, bytes := range []int{2_000_000, 4_000_000} {
		name := fmt.Sprint("ghost-", i)
		c.Request(ask(bytes, name))
		c.Expect(eds, name+"@empty")
	}
	at := stateOfTheWorld(t, s, "at-once")
	at.Request(ask(4_000_000, "web"))
	wantStatus(t, at.Ended(), "ResourceExhausted", "twice what was sent before")
}

// An Envoy that comes back names all that it has in its first request, and before Consul was read
// nobody knows how much that can be.
func TestAFirstMessageMayNameAllThatThereIs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	have := map[string]string{}
	for _, name := range ghosts("gone", 3000, 1000) {
		have[name] = "v"
	}
	early := incremental(t, s, "early")
	early.Resume(cds, have)
	soon(t, "it was received", func() bool { return s.Memory().Kinds[admission.HeldRequests].Bytes > 3<<20 })
	s.set(service("web", 1)...)
	early.Read()
}

func TestWhatIsReceivedIsWithinTheBudget(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Config) { c.Limits.MemoryBytes = 4 << 20 }) // an address has half
	s.set(service("web", 1)...)
	b := s.bare()
	b.data()
	for stream := uint32(1); stream < 40; stream += 2 {
		b.headers(stream, deltaMethod)
		b.begin(stream, 1<<20, append([]byte{15<<3 | 2, 0xf0, 0xff, 0x3f}, make([]byte, 60<<10)...))
	}
	soon(t, "the budget is used up", func() bool { return s.met(admission.LimitMemory) > 0 })
	if m := s.Memory(); m.Held > m.Budget {
		t.Errorf("%+v", m)
	}
	if said := s.said(admission.LimitMemory); !strings.Contains(said.Remedy, "--memory-budget") {
		t.Errorf("%+v", said)
	}
	b.Close()
	soon(t, "nothing is held", func() bool { return s.Memory().Kinds[admission.HeldRequests].Bytes == 0 })
	s.served(s.conn, "edge")
}

// A client that has shown that it sends large messages to their end sends them as fast as it can.
func TestALargeMessageComesSlowlyUntilTheStreamHasSentOne(t *testing.T) {
	t.Parallel()
	const bytes = 1 << 20
	s := newStage(t, func(c *Config) { c.Limits.UnprovenBytes = bytes })
	s.set(service("web", 1)...)
	c := stateOfTheWorld(t, s, "large")
	took := func(name string) time.Duration {
		start := time.Now()
		c.Request(&discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: "edge"}, TypeUrl: eds, VersionInfo: strings.Repeat("x", bytes), ResourceNames: []string{name}})
		c.Expect(eds, name+"@empty")
		return time.Since(start)
	}
	if first := took("a"); first < 300*time.Millisecond {
		t.Errorf("the first one took %v", first)
	} else if second := took("b"); second > first {
		t.Errorf("the first one took %v, the second %v", first, second)
	}
	start := time.Now()
	s.served(s.conn, "small")
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("a small one waited for %v", d)
	}
}

func TestOfARequestOnlyWhatIsReadIsDecoded(t *testing.T) {
	t.Parallel()
	nothing := make([]*structpb.Value, 1000)
	for i := range nothing {
		nothing[i] = &structpb.Value{}
	}
	node := &corev3.Node{
		Id: "edge", Cluster: "c", UserAgentName: "envoy", ClientFeatures: []string{"f"}, Extensions: []*corev3.Extension{{Name: "x"}},
		Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			"list": structpb.NewListValue(&structpb.ListValue{Values: nothing}), sourceKey: structpb.NewStringValue("legate"),
		}},
	}
	want := &corev3.Node{
		Id: "edge", Cluster: "c", UserAgentName: "envoy", ClientFeatures: []string{"f"},
		Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{sourceKey: structpb.NewStringValue("legate")}},
	}
	for _, c := range []struct {
		shape   *shape
		in, out proto.Message
		into    proto.Message
	}{
		{fetchShape, &discoveryv3.DiscoveryRequest{Node: node, VersionInfo: "v", ResourceNames: []string{"a", "b"}, TypeUrl: eds, ResponseNonce: "1", ResourceLocators: []*discoveryv3.ResourceLocator{{Name: "x"}}},
			&discoveryv3.DiscoveryRequest{Node: want, VersionInfo: "v", ResourceNames: []string{"a", "b"}, TypeUrl: eds, ResponseNonce: "1"}, &discoveryv3.DiscoveryRequest{}},
		{requestShape, &discoveryv3.DiscoveryRequest{ResourceNames: []string{"a", "b"}, TypeUrl: eds}, &discoveryv3.DiscoveryRequest{TypeUrl: eds}, &discoveryv3.DiscoveryRequest{}}, // names are read by themselves
		{deltaRequestShape, &discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: eds, ResourceNamesSubscribe: []string{"a"}, ResourceNamesUnsubscribe: []string{"b"}, InitialResourceVersions: map[string]string{"a": "v"}, ResponseNonce: "1",
			ResourceLocatorsSubscribe: []*discoveryv3.ResourceLocator{{Name: "x"}}},
			&discoveryv3.DeltaDiscoveryRequest{Node: want, TypeUrl: eds, InitialResourceVersions: map[string]string{"a": "v"}, ResponseNonce: "1"}, &discoveryv3.DeltaDiscoveryRequest{}},
	} {
		b, err := proto.Marshal(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if b, err = prune(b, c.shape); err == nil {
			err = proto.Unmarshal(b, c.into)
		}
		if err != nil || !proto.Equal(c.into, c.out) {
			t.Errorf("%v\n got %v\nwant %v", err, c.into, c.out)
		}
	}
	for _, broken := range [][]byte{{0xff}, {2<<3 | 2, 5, 1}, {2<<3 | 2, 1, 0xff}} {
		if _, err := prune(broken, requestShape); err == nil {
			t.Errorf("%v is a message", broken)
		}
	}
}

func TestRESTReadsOfARequestWhatItNeedsInBothSpellings(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	want := &discoveryv3.DiscoveryRequest{
		VersionInfo: "v", TypeUrl: eds, ResourceNames: []string{"a"},
		Node: &corev3.Node{Id: "edge", Cluster: "c", UserAgentName: "envoy", ClientFeatures: []string{"f"},
			Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{sourceKey: structpb.NewStringValue("legate")}}},
	}
	for _, body := range []string{
		`{"version_info":"v","type_url":"` + eds + `","resource_names":["a"],"node":{"id":"edge","cluster":"c","user_agent_name":"envoy","client_features":["f"],"metadata":{"x":[1,[],null],"legate_xds_cluster":"legate"}}}`,
		`{"versionInfo":"v","typeUrl":"` + eds + `","resourceNames":["a"],"node":{"id":"edge","cluster":"c","userAgentName":"envoy","clientFeatures":["f"],"extensions":[{"name":"x"}],"metadata":{"legate_xds_cluster":"legate"}}}`,
	} {
		if m, err := decodeJSON([]byte(body), &c.Limits); err != nil || !proto.Equal(m, want) {
			t.Errorf("%v\n got %v\nwant %v", err, m, want)
		}
	}
	for _, body := range []string{`[`, `{"node":3}`, `{"resource_names":[1]}`} {
		if _, err := decodeJSON([]byte(body), &c.Limits); err == nil {
			t.Errorf("%s is a request", body)
		}
	}
	_, err := decodeJSON([]byte(`{"node":{"x":"`+strings.Repeat("x", c.Limits.NodeBytes)+`"}}`), &c.Limits)
	wantStatus(t, err, "ResourceExhausted", "the node has")
}
