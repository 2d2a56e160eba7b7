package translate

import (
	"math/rand/v2"
	"testing"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// TestVersionsStayFromBuildToBuild: a replica, a restart and an upgrade of Legate serve equal
// content under equal versions, so a stream that reconnects is sent nothing. If this fails, a
// deployment sends everything once more to every Envoy: change it knowingly.
func TestVersionsStayFromBuildToBuild(t *testing.T) {
	r := serve(t, eight(7))
	for kind, want := range map[string]string{
		ClusterType:    "kepxg4pCWNqNzqo9",
		AssignmentType: "Sbgx9ap2XykRsbEp",
	} {
		if got := resource(t, r, kind, "service-00007").Version; got != want {
			t.Errorf("%s has version %s, want %s", kind, got, want)
		}
	}
}

func TestEmptyAssignmentNamesItsClusterAndNothingElse(t *testing.T) {
	for _, name := range []string{"web", "a b/c%", "日本", string(make([]byte, 300))} {
		r, err := EmptyAssignment(name)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := EmptyAssignment(name)
		want := &endpointv3.ClusterLoadAssignment{ClusterName: name}
		if m, err := Decode(r); err != nil || !proto.Equal(m, want) {
			t.Errorf("decodes to %v, %v; want %v", m, err, want)
		}
		if r.Name != (Name{AssignmentType, name}) || r.Version != again.Version || len(r.Version) != 16 {
			t.Errorf("is %v", r)
		}
	}
	if r, err := EmptyAssignment(""); err == nil {
		t.Errorf("a client has to reject %v", r)
	}
}

func TestProblemsStandUntilRepaired(t *testing.T) {
	bad := catalog.Service{Key: own("web"), Instances: []catalog.Instance{{Node: "n", ID: "a", Address: "10.0.0.1"}}}
	worse := catalog.Service{Key: own("*")}

	r, now := empty().Apply(catalog.Delta{Set: []catalog.Service{worse, bad}})
	if len(now) != 2 || len(r.Problems()) != 2 {
		t.Fatalf("there are %v, of them new %v; want 2", r.Problems(), now)
	}
	r, now = r.Apply(catalog.Delta{Set: []catalog.Service{eight(1)}})
	if len(now) != 0 || len(r.Problems()) != 2 {
		t.Fatalf("an unrelated change leaves %v and tells of %v", r.Problems(), now)
	}
	bad.Instances = nil
	r, now = r.Apply(catalog.Delta{Set: []catalog.Service{bad}, Gone: []catalog.ServiceKey{worse.Key}})
	if len(now) != 0 || len(r.Problems()) != 0 {
		t.Fatalf("after the repair there are %v, of them new %v", r.Problems(), now)
	}
}

func TestServicesOfOthersDoNotTakeAnOwnServicesName(t *testing.T) {
	web := catalog.Service{Key: own("web")}
	far, peered := web, web
	far.Key.Datacenter, peered.Key.Peer = "dc2", "partner"
	others := far
	others.Key.Peer = "theirs"
	r, problems := empty().Apply(catalog.Delta{Set: []catalog.Service{web, peered, far, others}})
	if len(problems) != 1 || problems[0].Reason != OtherDatacenter {
		t.Errorf("the problems are %v, want the service of another datacenter's peer", problems)
	}
	got := held(r)
	if len(got) != 6 {
		t.Errorf("the resources are %v, want those of three services", got)
	}
	for name, one := range held(serve(t, web)) {
		if !equalResource(got[name], one) {
			t.Errorf("%v is another beside services of others", name)
		}
	}
}

func TestABatchIsSinceTheOldestAnswerInIt(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	begin := empty()
	one, _ := begin.Apply(catalog.Delta{Set: []catalog.Service{eight(1)}, Since: at(10)})
	two, _ := one.Apply(catalog.Delta{Set: []catalog.Service{eight(2)}, Since: at(20)})
	same, _ := two.Apply(catalog.Delta{Set: []catalog.Service{eight(1)}, Since: at(30)})
	less, _ := same.Apply(catalog.Delta{Gone: []catalog.ServiceKey{eight(2).Key}, Since: at(40)})

	ported, broken := eight(1), eight(1)
	ported.Instances[0].Ports = []catalog.Port{{Name: "grpc", Port: 81}}
	broken.Instances = append(broken.Instances, catalog.Instance{Node: "z"})
	ports, _ := less.Apply(catalog.Delta{Set: []catalog.Service{ported}, Since: at(50)})
	none, _ := ports.Apply(catalog.Delta{Set: []catalog.Service{eight(1)}, Since: at(60)})
	told, _ := none.Apply(catalog.Delta{Set: []catalog.Service{broken}, Since: at(70)})
	several := begin
	for n, since := range []time.Time{at(90), at(80), {}, at(90)} {
		several, _ = several.Apply(catalog.Delta{Set: []catalog.Service{eight(n)}, Since: since})
	}

	for _, c := range []struct {
		what     string
		from, to Resources
		want     time.Time
	}{
		{"one service", begin, one, at(10)},
		{"another", one, two, at(20)},
		{"both at once", begin, two, at(10)},
		{"an answer that changed nothing", two, same, time.Time{}},
		{"a removal", same, less, at(40)},
		{"a port", less, ports, at(50)},
		{"the end of a port", ports, none, at(60)},
		{"a problem", none, told, time.Time{}},
		{"a service that a problem came to since", begin, told, at(10)},
		{"the oldest of several", begin, several, at(80)},
	} {
		if got := c.to.Diff(c.from).Since; !got.Equal(c.want) {
			t.Errorf("%s: since %v, want %v", c.what, got, c.want)
		}
	}
}

func TestConfigNamesWhatEnvoyWouldReject(t *testing.T) {
	good := testConfig()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*Config){
		"no datacenter":      func(c *Config) { c.Datacenter = "" },
		"an odd datacenter":  func(c *Config) { c.Datacenter = "dc\n" },
		"no connect timeout": func(c *Config) { c.Defaults.ConnectTimeout = new(policy.Duration(0)) },
		"panic below 0":      func(c *Config) { c.Defaults.HealthyPanicThreshold = new(policy.Percent(-1)) },
		"panic above 100":    func(c *Config) { c.Defaults.HealthyPanicThreshold = new(policy.Percent(101)) },
		"restless dns":       func(c *Config) { c.Defaults.DNS.Refresh = new(policy.Duration(time.Millisecond)) },
	} {
		bad := good
		spoil(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}

func TestTheOrderOfServicesInADeltaDoesNotMatter(t *testing.T) {
	whole := fleet(100)
	want, _ := empty().Apply(whole)
	rand.New(rand.NewPCG(9, 9)).Shuffle(len(whole.Set), func(i, j int) { whole.Set[i], whole.Set[j] = whole.Set[j], whole.Set[i] })
	got, _ := empty().Apply(whole)
	requireSame(t, "shuffled", got, want)
	for _, s := range whole.Set {
		if again, _ := got.Apply(catalog.Delta{Set: []catalog.Service{s}}); again.cells != got.cells {
			t.Fatalf("%v is not found", s.Key)
		}
	}
}
