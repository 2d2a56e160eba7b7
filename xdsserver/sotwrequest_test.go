package xdsserver

import (
	"hash/maphash"
	"slices"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

func read(t *testing.T, seed maphash.Seed, parts ...*discoveryv3.DiscoveryRequest) *sotwRequest {
	t.Helper()
	var data []byte // concatenated, parts are one message
	for _, m := range parts {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b...)
	}
	r := &sotwRequest{seed: seed}
	if err := r.decode(&data, seesAll()); err != nil {
		t.Fatal(err)
	}
	return r
}

func seesAll() scanner {
	c := DefaultConfig()
	return scanner{fields: sotwFields, limits: &c.Limits, most: c.MaxNames}
}

func names(n ...string) *discoveryv3.DiscoveryRequest {
	return &discoveryv3.DiscoveryRequest{VersionInfo: "1", ResourceNames: n, TypeUrl: eds, ResponseNonce: "2"}
}

func TestARequestIsReadWithoutItsNames(t *testing.T) {
	seed := maphash.MakeSeed()
	r := read(t, seed, names("a", "b"))
	if got := r.message.GetResourceNames(); got != nil {
		t.Errorf("names are there already: %v", got)
	}
	if got := r.names.strings(); !slices.Equal(got, []string{"a", "b"}) || r.message.GetTypeUrl() != eds {
		t.Errorf("got %q, %v", got, &r.message)
	}
	if again := read(t, seed, names("a", "b")); !again.summed || again.sum != r.sum {
		t.Error("the same names have another sum")
	}
	for _, others := range [][]string{nil, {"a"}, {"b", "a"}, {"ab"}, {"a", "b", "b"}} {
		if other := read(t, seed, names(others...)); other.sum == r.sum {
			t.Errorf("%v have the sum of others", others)
		}
	}
}

func TestNamesThatDoNotStandTogetherHaveNoSum(t *testing.T) {
	r := read(t, maphash.MakeSeed(), names("a"), names("b"))
	if got := r.names.strings(); r.summed || !slices.Equal(got, []string{"a", "b"}) || len(r.message.GetResourceNames()) > 0 {
		t.Errorf("got %v, summed %v, %v", got, r.summed, &r.message)
	}
}

// What repeats the names of an earlier request and has more names after them does not repeat them.
func TestMoreNamesThanInAnEarlierRequestAreNoRepetition(t *testing.T) {
	seed := maphash.MakeSeed()
	before := map[string]nameSum{eds: read(t, seed, names("a", "b")).sum}
	r := &sotwRequest{seed: seed, before: before}
	b := slices.Concat(listed("a", "b").encoded, appendString(nil, 4, eds), listed("c").encoded)
	if err := r.decode(&b, seesAll()); err != nil || !slices.Equal(r.names.strings(), []string{"a", "b", "c"}) || r.summed {
		t.Errorf("%v, %q, summed %v", err, r.names.strings(), r.summed)
	}
}

func TestNamesOfAnEarlierRequestAreRecognised(t *testing.T) {
	seed := maphash.MakeSeed()
	before := map[string]nameSum{cds: {}, eds: read(t, seed, names("a", "b")).sum}
	for _, c := range []struct {
		names    []string
		repeated bool
	}{
		{[]string{"a", "b"}, true},
		{[]string{"a", "b", "c"}, false},
		{[]string{"a"}, false},
		{[]string{"a", "c"}, false},
		{nil, false},
	} {
		b, err := proto.Marshal(names(c.names...))
		if err != nil {
			t.Fatal(err)
		}
		r := &sotwRequest{seed: seed, before: before}
		if err := r.decode(&b, seesAll()); err != nil {
			t.Fatal(err)
		}
		if got := r.names.strings(); !slices.Equal(got, c.names) || r.message.GetTypeUrl() != eds {
			t.Errorf("%v: read as %v, %v", c.names, got, &r.message)
		}
		if same := r.sum == before[eds]; same != c.repeated {
			t.Errorf("%v: recognised: %v", c.names, same)
		}
	}
}
