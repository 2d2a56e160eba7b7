package discovery

import "testing"

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
