package lastknown

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

func key(name string) catalog.ServiceKey {
	return catalog.ServiceKey{Datacenter: "dc1", Name: name}
}

// entries returns config entries that say something in each field.
func entries() []catalog.Entry {
	n, u, d := 7, uint32(8), 9*time.Second
	to := catalog.Target{Service: "api", Subset: "v2", Datacenter: "dc2", Peer: "p", Namespace: "n", Partition: "q", SamenessGroup: "s"}
	return []catalog.Entry{
		{Key: catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}, Protocol: "http", ModifyIndex: 1<<64 - 1},
		{Key: catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "shop"}, Protocol: "grpc", ConnectTimeout: d,
			Limits:             catalog.Limits{MaxConnections: &n, MaxPendingRequests: &n, MaxConcurrentRequests: &n},
			PassiveHealthCheck: &catalog.PassiveHealthCheck{Interval: d, MaxFailures: u, EnforcingConsecutive5xx: &u, MaxEjectionPercent: &u, BaseEjectionTime: &d}},
		{Key: catalog.EntryKey{Kind: catalog.ServiceResolver, Name: "a/b ?%"}, ConnectTimeout: d,
			LoadBalancer: &catalog.LoadBalancer{Policy: "ring_hash", MinimumRingSize: 1, MaximumRingSize: 1 << 60, ChoiceCount: 2},
			Resolver: catalog.Resolver{DefaultSubset: "v1", Subsets: map[string]catalog.Subset{"v1": {Filter: `"<v1>" in Service.Tags`, OnlyPassing: true}, "all": {}},
				Redirect: &to, Failover: map[string]catalog.Failover{"*": {Targets: []catalog.Target{to, {Datacenter: "dc2"}}, Mode: "order-by-locality"}},
				RequestTimeout: d, HashPolicies: 2, PrioritizeByLocality: "failover"}},
	}
}

// catalogOf returns services with that many instances each.
func catalogOf(instances int, names ...string) catalog.Catalog {
	c := catalog.New()
	for _, name := range names {
		s := catalog.Service{Key: key(name)}
		for i := range instances {
			s.Instances = append(s.Instances, catalog.Instance{
				ID: fmt.Sprintf("%s-%03d", name, i), Node: "n1", Address: "10.0.0.1", NodeAddress: "10.0.0.2", Port: 8000 + i,
				Tagged:  map[string]catalog.TaggedAddress{"lan": {Address: "10.0.0.1", Port: 8000 + i}},
				Health:  catalog.Health(i % 4),
				Checks:  []catalog.Check{{ID: "alive", Status: "passing", Node: i%2 == 0}},
				Weights: catalog.Weights{Passing: 1 + i, Warning: 1},
				Tags:    []string{"a", "b <c> & \u2028 \x00"}, Meta: map[string]string{"version": "1\n2"},
				NodeMeta: map[string]string{"rack": "7"}, Locality: catalog.Locality{Region: "eu", Zone: "eu-1"},
				CreateIndex: 1 << 60, ModifyIndex: 1<<64 - 1,
			})
		}
		c.Services[s.Key] = s
	}
	return c
}

var (
	scope  = Scope{Datacenter: "dc1", Include: []string{"shop-*"}, Tags: []string{"v2"}}
	header = Header{Scope: scope, Believed: time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)}
)

func encode(t testing.TB, h Header, c catalog.Catalog) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Encode(&out, h, c); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatIsWrittenIsWhatIsRead(t *testing.T) {
	both := catalogOf(7, "shop", "web", "a/b ?%").Apply(catalog.Delta{Entries: entries()})
	for _, c := range []catalog.Catalog{{}, catalogOf(0, "empty"), catalog.Of(emptied(catalogOf(3, "shop"))), both, {Entries: both.Entries}} {
		h, got, err := Decode(encode(t, header, c))
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(c) || !h.Scope.Equal(scope) || !h.Believed.Equal(header.Believed) || h.Services != len(c.Services) || h.Entries != len(c.Entries) {
			t.Errorf("read %+v %v\nwritten %+v %v", h, got, header, c)
		}
		for k, s := range c.Services {
			for i, in := range s.Instances {
				if got.Services[k].Instances[i].ModifyIndex != in.ModifyIndex { // Equal ignores it
					t.Errorf("%v: index %d", k, got.Services[k].Instances[i].ModifyIndex)
				}
			}
		}
	}
}

// emptied is a catalog's shop after its last instances went.
func emptied(c catalog.Catalog) catalog.Service { return c.Services[key("shop")].With(nil) }

// The schema number stands for the shape of the values. A change of the shape needs a new number
// and a new text here.
func TestTheSchemaChangesWithTheShapeOfTheValues(t *testing.T) {
	const instance = `Instance{ID string;Node string;Address string;ServiceAddress string;NodeAddress string;` +
		`Tagged map[string]TaggedAddress{Address string;Port int};Port int;Ports []Port{Name string;Port int;Default bool};SocketPath string;Health Health;Checks []Check{ID string;Status string;Node bool};` +
		`Weights Weights{Passing int;Warning int};Tags []string;Meta map[string]string;NodeMeta map[string]string;Locality Locality{Region string;Zone string};` +
		`Kind string;CreateIndex uint64;ModifyIndex uint64}`
	const target = `Target{Service string;Subset string;Datacenter string;Peer string;Namespace string;Partition string;SamenessGroup string}`
	const shape = `Header{Scope Scope{Datacenter string;Namespace string;Partition string;Include []string;Exclude []string;Tags []string};Believed time.Time;Services int;Entries int;Sites []Site{Site Site{Datacenter string;Peer string};Believed time.Time};Hosts map[string][]netip.Addr} ` +
		`Service{Key ServiceKey{Datacenter string;Peer string;Name string};Instances []` + instance + `;Former []` + instance + `;Index uint64;Hosts map[string]Host{Addresses []netip.Addr;Why string}} ` +
		`Entry{Key EntryKey{Kind string;Name string};Protocol string;ConnectTimeout Duration;Limits Limits{MaxConnections *int;MaxPendingRequests *int;MaxConcurrentRequests *int};` +
		`PassiveHealthCheck *PassiveHealthCheck{Interval Duration;MaxFailures uint32;EnforcingConsecutive5xx *uint32;MaxEjectionPercent *uint32;BaseEjectionTime *Duration};` +
		`LoadBalancer *LoadBalancer{Policy string;MinimumRingSize uint64;MaximumRingSize uint64;ChoiceCount uint32};` +
		`Resolver Resolver{DefaultSubset string;Subsets map[string]Subset{Filter string;OnlyPassing bool};Redirect *` + target + `;Failover map[string]Failover{Targets []` + target + `;Mode string};` +
		`RequestTimeout Duration;HashPolicies int;PrioritizeByLocality string};Datacenters []string;ModifyIndex uint64}`
	got := shapeOf(reflect.TypeFor[Header]()) + " " + shapeOf(reflect.TypeFor[catalog.Service]()) + " " + shapeOf(reflect.TypeFor[catalog.Entry]())
	if got != shape || schema != 5 {
		t.Errorf("schema %d has the shape\n%s", schema, got)
	}
}

func shapeOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time.Time"
	case t == reflect.TypeFor[netip.Addr]():
		return "netip.Addr"
	case t.Kind() == reflect.Pointer:
		return "*" + shapeOf(t.Elem())
	case t.Kind() == reflect.Slice:
		return "[]" + shapeOf(t.Elem())
	case t.Kind() == reflect.Map:
		return "map[" + shapeOf(t.Key()) + "]" + shapeOf(t.Elem())
	case t.Kind() != reflect.Struct:
		return t.Name()
	}
	var fields []string
	for i := range t.NumField() {
		fields = append(fields, t.Field(i).Name+" "+shapeOf(t.Field(i).Type))
	}
	return t.Name() + "{" + strings.Join(fields, ";") + "}"
}

func TestAFileThatWasCutShortAnywhereIsNotUsed(t *testing.T) {
	whole := encode(t, header, catalogOf(2, "shop", "web"))
	for n := range len(whole) {
		if _, c, err := Decode(whole[:n]); err == nil || !c.Empty() {
			t.Fatalf("%d of %d bytes were believed", n, len(whole))
		}
	}
}

func TestAFileWithOneChangedBitIsNotUsed(t *testing.T) {
	whole := encode(t, header, catalogOf(2, "shop"))
	for range 2000 {
		data := bytes.Clone(whole)
		i := rand.IntN(len(data))
		data[i] ^= 1 << rand.IntN(8)
		if _, c, err := Decode(data); err == nil || !c.Empty() {
			t.Fatalf("byte %d was %q, is %q, and was believed", i, whole[i], data[i])
		}
	}
}

func TestAFileOfAnotherSchemaIsNotUsed(t *testing.T) {
	data := encode(t, header, catalogOf(1, "shop"))
	for _, version := range []string{"1", "6", "0", "-1", "x", "99999999999999999999"} {
		other := bytes.Replace(data, []byte(Magic+"5\n"), []byte(Magic+version+"\n"), 1)
		if _, _, err := Decode(other); !errors.Is(err, errSchema) {
			t.Errorf("schema %s: %v", version, err)
		}
	}
}

// Even with a valid seal a catalog must have the properties that discovery guarantees.
func TestAFileThatContradictsItselfIsNotUsed(t *testing.T) {
	unsorted := catalogOf(3, "shop")
	s := unsorted.Services[key("shop")]
	s.Instances[0], s.Instances[2] = s.Instances[2], s.Instances[0]
	foreign := catalogOf(1, "shop")
	foreign.Services[catalog.ServiceKey{Datacenter: "dc2", Name: "web"}] = catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc2", Name: "web"}}
	twice := catalog.Catalog{Services: map[catalog.ServiceKey]catalog.Service{key("a"): {Key: key("shop")}, key("b"): {Key: key("shop")}}}
	both := catalogOf(1, "shop").Services[key("shop")]
	both.Former = both.Instances
	for name, c := range map[string]catalog.Catalog{
		"unsorted": unsorted, "former ones unsorted": catalog.Of(emptied(unsorted)), "instances and former ones": catalog.Of(both), "foreign": foreign, "twice": twice,
	} {
		if _, _, err := Decode(encode(t, header, c)); !errors.Is(err, errContent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A Legate that is updated has the file of a version before, which knew less of a catalog.
func TestAFileOfASchemaBeforeIsUsed(t *testing.T) {
	c := catalogOf(2, "shop", "web")
	_, lines, _ := strings.Cut(string(encode(t, header, c)), "\n")
	lines = lines[:strings.LastIndex(lines, seal)]
	for before := oldest; before < schema; before++ {
		if h, got, err := Decode(sealedAs(before, lines)); err != nil || !got.Equal(c) || h.Services != 2 {
			t.Errorf("schema %d: read %+v of %+v: %v", before, got, h, err)
		}
	}
}

func TestEntriesThatContradictTheHeaderAreNotUsed(t *testing.T) {
	c := catalog.Catalog{}.Apply(catalog.Delta{Entries: entries()})
	_, lines, _ := strings.Cut(string(encode(t, header, c)), "\n")
	lines = lines[:strings.LastIndex(lines, seal)]
	last := lines[strings.LastIndexByte(lines[:len(lines)-1], '\n')+1:]
	for name, bad := range map[string]string{
		"one is missing":  strings.TrimSuffix(lines, last),
		"one is too much": lines + strings.Replace(last, "a/b", "b/b", 1),
		"out of order":    strings.Replace(lines, `"service-defaults"`, `"a"`, 1),
	} {
		if _, _, err := Decode(sealed(bad)); !errors.Is(err, errContent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sealed returns a file with these lines after the first one, and a valid seal.
func sealed(lines string) []byte { return sealedAs(schema, lines) }

func sealedAs(schema int, lines string) []byte {
	text := fmt.Sprintf("%s%d\n%s", Magic, schema, lines)
	return fmt.Appendf(nil, "%s%s%x\n", text, seal, sha256.Sum256([]byte(text)))
}

func TestAFileWithMoreThanItShouldHaveIsNotUsed(t *testing.T) {
	const h, one = `{"Scope":{"Datacenter":"dc1"},"Services":1}` + "\n", `{"Key":{"Datacenter":"dc1","Name":"shop"}}` + "\n"
	if _, c, err := Decode(sealed(h + one)); err != nil || len(c.Services) != 1 {
		t.Fatalf("%v %v", c, err)
	}
	for name, lines := range map[string]string{
		"a field of the header that nobody knows":  `{"Scope":{"Datacenter":"dc1"},"Services":1,"More":1}` + "\n" + one,
		"a field of a service that nobody knows":   h + `{"Key":{"Datacenter":"dc1","Name":"shop"},"More":1}` + "\n",
		"a service twice, which is counted as one": h + one + one,
		"a service without a name":                 `{"Services":1}` + "\n{}\n",
		"a service that the header does not count": h + one + `{"Key":{"Datacenter":"dc1","Name":"web"}}` + "\n",
	} {
		if _, c, err := Decode(sealed(lines)); !errors.Is(err, errContent) || !c.Empty() {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
}

func TestScopesAreEqualIfAllOfThemIs(t *testing.T) {
	one := Scope{Datacenter: "dc1", Namespace: "eu", Partition: "a", Include: []string{"shop-*"}, Exclude: []string{"shop-x"}, Tags: []string{"v2"}}
	if !one.Equal(one) || !(Scope{}).Equal(Scope{Include: []string{}, Exclude: []string{}, Tags: []string{}}) {
		t.Error("equal ones are not")
	}
	for name, change := range map[string]func(*Scope){
		"datacenter": func(s *Scope) { s.Datacenter = "" },
		"namespace":  func(s *Scope) { s.Namespace = "" },
		"partition":  func(s *Scope) { s.Partition = "" },
		"include":    func(s *Scope) { s.Include = nil },
		"exclude":    func(s *Scope) { s.Exclude = nil },
		"tags":       func(s *Scope) { s.Tags = nil },
	} {
		other := one
		if change(&other); one.Equal(other) || other.Equal(one) {
			t.Errorf("one of another %s is equal", name)
		}
	}
}

// full is a writer that fails after that many bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.left {
		return 0, io.ErrShortWrite
	}
	f.left -= len(b)
	return len(b), nil
}

func TestAWriteThatFailsAnywhereIsAnError(t *testing.T) {
	c := catalogOf(300, "shop") // more than one buffer
	size := len(encode(t, header, c))
	for _, room := range []int{0, 70_000, size - 80, size - 1} {
		if err := Encode(&full{room}, header, c); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("with room for %d of %d bytes: %v", room, size, err)
		}
	}
	if err := Encode(&full{size}, header, c); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, header, catalogOf(2, "shop", "web")))
	f.Add(encode(f, header, catalog.Catalog{}))
	f.Add([]byte(Magic + "1\n" + seal + "\n"))
	f.Add([]byte(Magic + "2\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, c, err := Decode(data)
		if err != nil {
			if !c.Empty() {
				t.Errorf("an error and a catalog: %v", err)
			}
			return
		}
		if _, again, err := Decode(encode(t, h, c)); err != nil || !again.Equal(c) {
			t.Errorf("written again it is another one: %v", err)
		}
	})
}

// The seal stops random input, so the lines behind it have a fuzz target of their own.
func FuzzDecodeLines(f *testing.F) {
	data := encode(f, header, catalogOf(2, "shop", "web"))
	_, data, _ = bytes.Cut(data, []byte("\n"))
	f.Add(data[:bytes.LastIndex(data, []byte(seal))])
	f.Add([]byte("{}\n"))
	f.Add([]byte("{}\n{}\n"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		h, c, err := decodeLines(lines)
		if err != nil {
			if !c.Empty() {
				t.Errorf("an error and a catalog: %v", err)
			}
			return
		}
		if _, again, err := Decode(encode(t, h, c)); err != nil || !again.Equal(c) {
			t.Errorf("written again it is another one: %v", err)
		}
	})
}
