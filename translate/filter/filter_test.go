package filter

import (
	"errors"
	"strings"
	"testing"

	"legate/discovery/catalog"
)

var (
	key = catalog.ServiceKey{Datacenter: "dc1", Name: "web"}
	web = catalog.Instance{
		ID: "web-1", Node: "n1", NodeAddress: "10.0.0.1", ServiceAddress: "10.0.0.2", Port: 80, Weights: catalog.Weights{Passing: 3, Warning: 2},
		Tags: []string{"a b", "canary"}, Meta: map[string]string{"version": "v1", "x-y": "", "path": "/v1"}, NodeMeta: map[string]string{"rack": "7"},
		Checks: []catalog.Check{{ID: "alive", Status: "warning"}, {ID: "serfHealth", Status: "passing", Node: true}},
	}
)

// What each of these means to Consul is tested with a real one, too.
func TestExpressions(t *testing.T) {
	for expression, want := range map[string]bool{
		`Service.Meta.version == v1`:                               true,
		` Service.Meta.version=="v1" `:                             true,
		"Service.Meta[ `version` ] != `v1`":                        false,
		`Service.Meta["x-y"] == ""`:                                true,
		`Service.Meta.path == "/v1"`:                               true,
		`Service.Meta.version contains v`:                          true,
		`v2 in Service.Meta.version`:                               false,
		`Service.Meta.version matches "^v[0-9]$"`:                  true,
		`Service.Meta.version not matches "^v[0-9]$"`:              false,
		`Service.Meta.none == v1`:                                  false,
		`Service.Meta.none != v1`:                                  true,
		`Service.Meta.none contains v1`:                            false,
		`v1 not in Service.Meta.none`:                              true,
		`Service.Meta.none matches "v1"`:                           true, // this is how Consul has it
		`Service.Meta.none not matches "v1"`:                       true,
		`Service.Meta is empty`:                                    false,
		`Service.Meta is not empty`:                                true,
		`version in Service.Meta`:                                  true,
		`Node.Meta not contains rack`:                              false,
		`Node.Meta.rack == 7`:                                      true,
		`canary in Service.Tags`:                                   true,
		`"a b" not in Service.Tags`:                                false,
		`Service.Tags contains "a"`:                                false,
		`Service.Tags is empty`:                                    false,
		`Checks is not empty`:                                      true,
		`Checks.Status == passing`:                                 true,
		`Checks.Status != passing`:                                 true, // of one of them
		`not Checks.Status == passing`:                             false,
		`Checks.Status == critical`:                                false,
		`Checks.CheckID == serfHealth`:                             true,
		`Checks.ServiceID == ""`:                                   true,
		`Checks.ServiceID == "web-1"`:                              true,
		`Checks.ServiceName == web`:                                true,
		`Checks.ServiceName == api`:                                false,
		`Checks.Node == n1 and Checks.PeerName == ""`:              true,
		`Service.Port == 80`:                                       true,
		`Service.Port != "0x50"`:                                   false,
		`Service.Weights.Passing == 3`:                             true,
		`Service.Weights.Warning == 3`:                             false,
		`Service.ID == "web-1" and Service.Service==web`:           true,
		`Service.Address == "10.0.0.2"`:                            true,
		`Service.Kind == ""`:                                       true,
		`Service.SocketPath != ""`:                                 false,
		`Service.PeerName == "" and Node.PeerName != "p"`:          true,
		`Node.Node == n1 or Node.Node == n2`:                       true,
		`Node.Address matches "[.]1$"`:                             true,
		`Node.Datacenter != dc1`:                                   false,
		`Node.Node == n2 and Node.Node == n1 or Node.Node == n1`:   true,
		`Node.Node == n1 or Node.Node == n1 and Node.Node == n2`:   true,
		`(Node.Node == n1 or Node.Node == n1) and Node.Node == n2`: false,
		`not (Node.Node == n1) or not not Node.Node == n1`:         true,
		`not Node.Node == n2 and Node.Node == n1`:                  true,
		"( not in Service.Tags )":                                  false, // the value "not"
		"Node.Node\n==\tn1 \r\n and ( Node.Node == n1 ) ":          true,
	} {
		f, err := New(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got := f.Matches(key, &web); got != want {
			t.Errorf("%s: %v", expression, got)
		}
		if without, err := New("not (" + expression + ")"); err != nil || without.Matches(key, &web) == want {
			t.Errorf("the opposite of %s is the same: %v", expression, err)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	f, err := New(`Checks.Status != passing or Checks is not empty or Service.Tags is not empty or Service.Meta is not empty or Service.Port != 0`)
	if err != nil {
		t.Fatal(err)
	}
	ports := catalog.Instance{Port: 80, Ports: []catalog.Port{{Name: "http", Port: 80, Default: true}}}
	for _, i := range []catalog.Instance{{}, ports} {
		if f.Matches(key, &i) {
			t.Errorf("it holds for %+v", i)
		}
	}
}

func TestWhatCannotBeEvaluatedIsAnError(t *testing.T) {
	for expression, want := range map[string]string{
		"":                                        "write an expression such as Service.Meta.version ==",
		"Service.ID == ":                          "write an expression",
		`Service.ID == "a`:                        "Unterminated string",
		`Service.Meta[a] == b`:                    "Invalid index",
		`Service.Foo == 1`:                        `Selector "Service.Foo" is not valid: what is known of an instance is Service.Meta, `,
		`Checks.Output contains error`:            "is not valid",
		`Checks.Name == x`:                        "is not valid",
		`Service.Proxy is empty`:                  "is not valid",
		`Service.Meta.a.b == c`:                   "is not valid",
		`Checks == passing`:                       "Invalid match operator",
		`Service.Tags == a`:                       "Invalid match operator",
		`Service.Meta.a is not empty`:             "Invalid match operator",
		`Service.Port == http`:                    "Failed to coerce value",
		`Service.ID matches "("`:                  "Failed to compile regular expression",
		`Service.ID == a or Node.ID == b`:         "is not valid",
		`any Checks as c { c.Status == passing }`: "no match found",
		strings.Repeat("(", maxNested+1) + `Service.ID == a` + strings.Repeat(")", maxNested+1): "6 parentheses within each other, and the most is 5",
	} {
		f, err := New(expression)
		if f != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", expression, err, want)
		}
	}
	for _, fine := range []string{strings.Repeat("(", 3) + `Service.ID == a` + strings.Repeat(")", 3), strings.Repeat("(", maxNested) + `Service.ID == a` + strings.Repeat(")", maxNested), strings.Repeat("(Service.ID == a) or ", maxNested+1) + "Service.ID == a"} {
		if _, err := New(fine); err != nil {
			t.Error(err)
		}
	}
}

// A check of the node is of no service, and any other one is of the instance's.
func TestOnlyItsOwnChecksHaveTheService(t *testing.T) {
	f, err := New(`Checks.ServiceID == "web-1" and Checks.ServiceName == web`)
	if err != nil {
		t.Fatal(err)
	}
	for node, want := range map[bool]bool{false: true, true: false} {
		one := catalog.Instance{ID: "web-1", Node: "n1", Checks: []catalog.Check{{ID: "alive", Status: "passing", Node: node}}}
		if got := f.Matches(key, &one); got != want {
			t.Errorf("a check of the node (%t) is of the service: %t", node, got)
		}
	}
}

// Instances of a peer are in a datacenter that Legate does not know, though it may be called like the own one.
func TestWhereInstancesOfPeersAreIsNotKnown(t *testing.T) {
	peered := catalog.ServiceKey{Datacenter: "dc1", Peer: "p", Name: "web"}
	for expression, want := range map[string]error{`Node.Datacenter == dc1`: errPlace, `Node.PeerName == p and Service.PeerName == p and not Checks.PeerName != p`: nil} {
		f, err := New(expression)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.AppliesTo(peered); !errors.Is(err, want) || f.AppliesTo(key) != nil {
			t.Errorf("%s: %v", expression, err)
		}
		if want == nil && !f.Matches(peered, &web) {
			t.Errorf("%s does not hold", expression)
		}
	}
}

func FuzzExpressions(f *testing.F) {
	f.Add(`Service.Meta.version == "v2" and not ("canary" in Service.Tags or Checks.Status != passing)`)
	f.Add("Node.Meta[`a`] matches 1.5 or x not in Service.Meta is empty")
	f.Fuzz(func(t *testing.T, text string) {
		one, err := New(text)
		if (one == nil) != (err != nil) {
			t.Fatal(one, err)
		}
		if err != nil {
			return
		}
		opposite, err := New("not (" + text + ")")
		if err != nil {
			if nested(text) == maxNested {
				return
			}
			t.Fatal(err)
		}
		for _, i := range []catalog.Instance{{}, web} {
			if one.Matches(key, &i) == opposite.Matches(key, &i) {
				t.Fatalf("%q and its opposite are the same", text)
			}
		}
	})
}
