package xdsserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// listed are names as a request has them.
func listed(names ...string) nameList {
	var b []byte
	for _, n := range names {
		b = appendString(b, requestNames, n)
	}
	return nameList{b, len(names)}
}

// readDelta reads parts that are one message when they stand one after the other.
func readDelta(t *testing.T, parts ...*discoveryv3.DeltaDiscoveryRequest) *deltaRequest {
	t.Helper()
	var data []byte
	for _, m := range parts {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b...)
	}
	r := &deltaRequest{}
	seen := seesAll()
	seen.fields = deltaFields
	if err := r.decode(&data, seen); err != nil {
		t.Fatal(err)
	}
	return r
}

// Names are read as any decoder reads them, wherever they stand in the request.
func TestTheNamesOfAnIncrementalRequestAreReadWhereverTheyStand(t *testing.T) {
	t.Parallel()
	wants := &discoveryv3.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"a", strings.Repeat("long", 100), ""}}
	drops := &discoveryv3.DeltaDiscoveryRequest{ResourceNamesUnsubscribe: []string{"b", "*"}}
	more := &discoveryv3.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"c"}, ResourceNamesUnsubscribe: []string{"d"}}
	says := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResponseNonce: "7", InitialResourceVersions: map[string]string{"a": "v1"}}
	for _, parts := range [][]*discoveryv3.DeltaDiscoveryRequest{
		{says}, {wants}, {says, wants}, {wants, says}, {drops, wants, says}, {wants, drops, says}, {says, drops, says},
		{wants, says, wants}, {more, wants, says, drops}, {wants, more, drops, says, more}, {more, says, more},
	} {
		whole := &discoveryv3.DeltaDiscoveryRequest{}
		for _, p := range parts {
			proto.Merge(whole, p)
		}
		r := readDelta(t, parts...)
		if got, want := r.wanted.strings(), whole.GetResourceNamesSubscribe(); !slices.Equal(got, want) || r.wanted.count != len(want) {
			t.Errorf("%v: wanted are %q", parts, got)
		}
		if got, want := r.dropped.strings(), whole.GetResourceNamesUnsubscribe(); !slices.Equal(got, want) || r.dropped.has("*") != slices.Contains(want, "*") {
			t.Errorf("%v: dropped are %q", parts, got)
		}
		if m := &r.message; len(m.GetResourceNamesSubscribe())+len(m.GetResourceNamesUnsubscribe()) > 0 || m.GetTypeUrl() != whole.GetTypeUrl() ||
			m.GetResponseNonce() != whole.GetResponseNonce() || len(m.GetInitialResourceVersions()) != len(whole.GetInitialResourceVersions()) {
			t.Errorf("%v: the rest is %v", parts, m)
		}
	}
}

// What is cut off is refused, wherever the cut is: no name that is not whole is taken for one.
func TestARequestThatIsCutOffIsRefused(t *testing.T) {
	t.Parallel()
	whole, err := proto.Marshal(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: []string{"first", "second"}, ResourceNamesUnsubscribe: []string{"third"}, ResponseNonce: "7"})
	if err != nil {
		t.Fatal(err)
	}
	boundaries := map[int]bool{0: true}
	for at := 0; at < len(whole); {
		_, _, n := protowire.ConsumeField(whole[at:])
		at += n
		boundaries[at] = true
	}
	for n := range len(whole) {
		seen := seesAll()
		seen.fields = deltaFields
		b := slices.Clone(whole[:n])
		if err := new(deltaRequest).decode(&b, seen); (err == nil) != boundaries[n] {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// A name that is no text is refused, as every protobuf decoder does; but not one of many that is
// there already.
func TestANameThatIsNoTextIsRefused(t *testing.T) {
	t.Parallel()
	st := newStore(own)
	s := &subscription{table: st.table(eds), slot: st.attach(func() {})}
	if err := s.subscribe(listed("good", "b\xffd"), nil); err == nil {
		t.Error("it is taken for a name")
	}
	if _, there := s.table.entries["b\xffd"]; there {
		t.Error("it is kept")
	}
}

// Names that are there already cost no memory, however many they are.
func TestNamesThatAreThereAreNotCopied(t *testing.T) {
	st := newStore(own)
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf("service-%05d", i))
	}
	s := &subscription{table: st.table(eds), slot: st.attach(func() {})}
	names := listed(all...)
	again := func() {
		s.owed = s.owed[:0]
		if err := s.subscribe(names, nil); err != nil {
			t.Fatal(err)
		}
	}
	again()
	if n := testing.AllocsPerRun(10, again); n > 0 {
		t.Errorf("%v allocations for %d names that are there", n, len(all))
	}
}

// An acknowledgement is read as any decoder reads it, although no message is decoded.
func TestAnAcknowledgementIsReadWithoutADecoder(t *testing.T) {
	t.Parallel()
	for _, parts := range [][]*discoveryv3.DeltaDiscoveryRequest{
		{{}},
		{{TypeUrl: eds, ResponseNonce: "7"}},
		{{ResponseNonce: "7"}, {TypeUrl: "type.googleapis.com/other"}},
		{{TypeUrl: cds, ResponseNonce: "6"}, {TypeUrl: eds, ResponseNonce: "7"}}, // the last one counts
		{{TypeUrl: eds, ResourceNamesSubscribe: []string{"a"}, ResponseNonce: "7"}},
		{{TypeUrl: eds, ResponseNonce: "7", ErrorDetail: &rpcstatus.Status{Message: "no"}}},
		{{TypeUrl: eds, Node: &corev3.Node{Id: "edge"}}, {ResponseNonce: "7"}},
	} {
		want := &discoveryv3.DeltaDiscoveryRequest{}
		for _, p := range parts {
			proto.Merge(want, p)
		}
		want.ResourceNamesSubscribe = nil // which are read by themselves
		if got := &readDelta(t, parts...).message; !proto.Equal(got, want) {
			t.Errorf("read as %v, want %v", got, want)
		}
	}
	seen := seesAll()
	seen.fields = deltaFields
	broken := appendString(nil, deltaFields.nonce, "no \xff text")
	if err := new(deltaRequest).decode(&broken, seen); err == nil {
		t.Error("a nonce that is no text is taken")
	}
}
