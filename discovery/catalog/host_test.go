package catalog

import (
	"net/netip"
	"strings"
	"testing"
)

func TestWhereAnInstanceIsReached(t *testing.T) {
	i := Instance{Address: "10.0.0.1", Port: 80, Tagged: map[string]TaggedAddress{
		"wan": {"203.0.113.1", 8080}, "lan_ipv6": {"2001:db8::1", 80}, "edge": {"edge.example", 0}, "odd": {"", 81},
	}}
	for _, c := range []struct {
		wanted []string
		want   TaggedAddress // zero: none
	}{
		{nil, TaggedAddress{"10.0.0.1", 80}},
		{[]string{"auto", "wan"}, TaggedAddress{"10.0.0.1", 80}},
		{[]string{"wan", "auto"}, TaggedAddress{"203.0.113.1", 8080}},
		{[]string{"lan"}, TaggedAddress{"2001:db8::1", 80}},
		{[]string{"edge"}, TaggedAddress{"edge.example", 80}},
		{[]string{"none", "odd", "edge"}, TaggedAddress{"edge.example", 80}},
		{[]string{"none", "odd"}, TaggedAddress{}},
	} {
		if got, ok := i.Reach(c.wanted); got != c.want || ok == (c.want == TaggedAddress{}) {
			t.Errorf("%v: %v %v, want %v", c.wanted, got, ok, c.want)
		}
	}
	plain := Instance{Address: "10.0.0.1", Port: 80}
	if at, ok := plain.Reach([]string{"wan", "lan"}); !ok || at.Address != "10.0.0.1" {
		t.Errorf("an instance without tags is reached at %v by lan", at)
	}
	if at, ok := plain.Reach([]string{"wan"}); ok {
		t.Errorf("an instance without tags is reached at %v by wan", at)
	}
}

func TestWhatAHostMayBeCalled(t *testing.T) {
	long := strings.Repeat("a", 63)
	name := strings.Join([]string{long, long, long, long[:61]}, ".") // 253 bytes
	for _, c := range []struct{ address, name, why string }{
		{"Web.Example", "web.example", ""},
		{"web.example.", "web.example.", ""},
		{"my_host-1", "my_host-1", ""},
		{"azAZ09", "azaz09", ""},
		{"4.example", "4.example", ""},
		{name, name, ""},
		{name + "a", "", "longer than the 253 bytes"},
		{"", "", "empty"},
		{"a" + long, "", "neither"},
		{"a..b", "", "neither"},
		{".", "", "neither"},
		{"-a", "", "neither"},
		{"a-.b", "", "neither"},
		{"a b", "", "neither"},
		{"ü", "", "neither"},
		{"10.0.0.256", "", "ends in a number"},
		{"a.7.", "", "ends in a number"},
	} {
		if name, why := HostName(c.address); name != c.name || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%q: %q %q, want %q %q", c.address, name, why, c.name, c.why)
		}
	}
	for _, r := range []rune{'`', '{', '@', '[', '/', ':', '.'} { // beside the ranges
		if !notInLabel(r) {
			t.Errorf("%q is allowed in a host name", r)
		}
	}
}

func TestHostsDiffer(t *testing.T) {
	one := Host{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	if !one.Equal(one) || one.Equal(Host{}) || one.Equal(Host{Addresses: one.Addresses, Why: "old"}) {
		t.Error("hosts are compared by what they stand for and why not")
	}
}
