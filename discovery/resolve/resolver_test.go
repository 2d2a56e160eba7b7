package resolve

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"legate/discovery/catalog"
	"legate/internal/logtest"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/metrics"
)

// scene is a Resolver that asks a real DNS server of the test's own, and what it hands out.
type scene struct {
	*Resolver
	t       *testing.T
	dns     *parts.DNS
	in, out chan catalog.Delta
	log     *logtest.Buffer
	metrics *metrics.Metrics
	stop    func()

	catalog catalog.Catalog
}

// begin starts it with short times; change may be nil.
func begin(t *testing.T, change func(*Config, *Resolver)) *scene {
	s := &scene{t: t, dns: partstest.DNS(t), in: make(chan catalog.Delta), out: make(chan catalog.Delta), log: &logtest.Buffer{}, metrics: metrics.New(metrics.BuildInfo{})}
	cfg := quick(t, s.dns)
	if change != nil {
		change(&cfg, nil)
	}
	s.Resolver = New(cfg, slog.New(slog.NewTextHandler(s.log, nil)), s.metrics.Resolve)
	if change != nil {
		change(&cfg, s.Resolver)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, s.in, s.out) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

func quick(t *testing.T, d *parts.DNS) Config {
	cfg := DefaultConfig()
	cfg.Servers = []string{d.Addr}
	cfg.Refresh, cfg.Most, cfg.Timeout, cfg.Tries = 20*time.Millisecond, 200*time.Millisecond, 2*time.Second, 1
	cfg.HostsFile = filepath.Join(t.TempDir(), "hosts")
	cfg.ResolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	return cfg
}

func (s *scene) give(services ...catalog.Service) {
	s.t.Helper()
	select {
	case s.in <- catalog.Delta{Set: services, Since: time.Now()}:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the resolver does not take a delta")
	}
}

// await reads Deltas until the catalog is as it should be.
func (s *scene) await(what string, good func(catalog.Catalog) bool) {
	s.t.Helper()
	late := time.After(20 * time.Second)
	for !good(s.catalog) {
		select {
		case d := <-s.out:
			s.catalog = s.catalog.Apply(d)
		case <-late:
			s.t.Fatalf("%s: still %v", what, s.catalog)
		}
	}
}

// stays says that nothing is handed out meanwhile.
func (s *scene) stays(what string, span time.Duration) {
	s.t.Helper()
	select {
	case d := <-s.out:
		s.t.Fatalf("%s: handed out %+v", what, d)
	case <-time.After(span):
	}
}

// has says what a service's only host name stands for; nothing: that it has no addresses.
func has(service string, addresses ...string) func(catalog.Catalog) bool {
	return func(c catalog.Catalog) bool {
		s, ok := c.Services[key(service)]
		for _, h := range s.Hosts {
			var got []string
			for _, a := range h.Addresses {
				got = append(got, a.String())
			}
			return strings.Join(got, " ") == strings.Join(addresses, " ") && (h.Why != "") == (len(got) == 0)
		}
		return ok && false
	}
}

func key(name string) catalog.ServiceKey {
	return catalog.ServiceKey{Datacenter: "dc1", Name: name}
}

func service(name string, addresses ...string) catalog.Service {
	s := catalog.Service{Key: key(name)}
	for i, a := range addresses {
		s.Instances = append(s.Instances, catalog.Instance{Node: "n", ID: fmt.Sprint(i), Address: a, Port: 80})
	}
	return s
}

func TestAHostNameBecomesItsAddressesAndFollowsThem(t *testing.T) {
	s := begin(t, nil)
	s.dns.Set("db.example.", 0, "10.0.0.2", "10.0.0.1", "2001:db8::1")
	s.give(service("db", "DB.example"), service("web", "10.9.9.9"))
	s.await("resolved before it is first handed out", func(c catalog.Catalog) bool { return len(c.Services) == 2 })
	if !has("db", "10.0.0.1", "10.0.0.2")(s.catalog) || len(s.catalog.Services[key("web")].Hosts) != 0 {
		t.Errorf("first handed out: %v", s.catalog)
	}
	s.dns.Set("db.example.", 0, "10.0.0.3")
	s.await("another address", has("db", "10.0.0.3"))
	s.dns.Set("db.example.", 0, "2001:db8::1")
	s.await("an IPv6 address where there is no other", has("db", "2001:db8::1"))
	s.stays("nothing changes", 300*time.Millisecond)
}

func TestWhatWasResolvedStays(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *parts.DNS)
	}{
		{"while DNS is silent", func(d *parts.DNS) { d.Silence(true) }},
		{"while it fails", func(d *parts.DNS) { d.Fail("db.example.", dns.RcodeServerFailure) }},
		{"while it refuses", func(d *parts.DNS) { d.Fail("db.example.", dns.RcodeRefused) }},
		{"while it has no address", func(d *parts.DNS) { d.Set("db.example.", 0) }},
		{"while it denies the name, for a time", func(d *parts.DNS) { d.Remove("db.example.") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, nil)
			s.dns.Set("db.example.", 0, "10.0.0.1")
			s.give(service("db", "db.example"))
			s.await("resolved", has("db", "10.0.0.1"))
			c.do(s.dns)
			s.stays("addresses stay", 1500*time.Millisecond)
			eventually(t, func() bool { return s.Status().Stale == 1 && len(s.Status().Troubled) == 1 })
			if one := s.Status().Troubled[0]; one.Detail == "" || one.Remedy == "" || one.Since.IsZero() || len(one.Addresses) != 1 {
				t.Errorf("the trouble is told as %+v", one)
			}
			critical := service("db", "db.example")
			critical.Instances[0].Health = catalog.Critical
			s.give(critical)
			s.await("health passes meanwhile", func(c catalog.Catalog) bool {
				return c.Services[key("db")].Instances[0].Health == catalog.Critical && has("db", "10.0.0.1")(c)
			})
			s.dns.Silence(false)
			s.dns.Set("db.example.", 0, "10.0.0.2")
			s.await("DNS is back", has("db", "10.0.0.2"))
			eventually(t, func() bool { return s.Status().Stale == 0 && strings.Contains(s.log.String(), "resolved again") })
			if text := s.log.String(); strings.Count(text, "host names are not resolved") != 1 || strings.Count(text, "resolved again") != 1 {
				t.Errorf("the log says\n%s", text)
			}
		})
	}
}

func TestADeniedNameEndsAfterKeep(t *testing.T) {
	s := begin(t, func(c *Config, _ *Resolver) { c.Keep = 3 * time.Second })
	s.dns.Set("db.example.", 0, "10.0.0.1")
	s.give(service("db", "db.example"))
	s.await("resolved", has("db", "10.0.0.1"))
	s.dns.Remove("db.example.")
	s.stays("kept at first", 400*time.Millisecond)
	s.await("gone in the end", has("db"))
	s.dns.Set("db.example.", 0, "10.0.0.1")
	s.await("and back", has("db", "10.0.0.1"))
}

func TestAStartWaitsForADeadDNSForGraceOnly(t *testing.T) {
	s := begin(t, func(c *Config, _ *Resolver) { c.Grace, c.Timeout = 700*time.Millisecond, time.Hour })
	s.dns.Silence(true)
	began := time.Now()
	s.give(service("db", "db.example"), service("web", "10.9.9.9"))
	s.await("handed out", func(c catalog.Catalog) bool { return len(c.Services) == 2 })
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("after %v", took)
	}
	if !has("db")(s.catalog) {
		t.Errorf("handed out %v", s.catalog)
	}
}

func TestANameOfAnEarlierRunCountsUntilDNSAnswers(t *testing.T) {
	s := begin(t, func(c *Config, r *Resolver) {
		if c.Grace = 300 * time.Millisecond; r != nil {
			r.Seed(map[string][]netip.Addr{"db.example": {netip.MustParseAddr("10.0.0.1")}})
		}
	})
	s.dns.Silence(true)
	s.give(service("db", "db.example"))
	s.await("as it was", has("db", "10.0.0.1"))
	s.dns.Silence(false)
	s.dns.Set("db.example.", 0, "10.0.0.2")
	s.await("as it is", has("db", "10.0.0.2"))
	eventually(t, func() bool { return fmt.Sprint(s.Addresses()) == "map[db.example:[10.0.0.2]]" })
}

// A name that is named first has to be waited for, and nobody but its service waits.
func TestAServiceWaitsForItsNameAloneAndKeepsWhatItHasMeanwhile(t *testing.T) {
	s := begin(t, func(c *Config, _ *Resolver) { c.Grace = time.Minute })
	s.give(service("db", "10.0.0.7"))
	s.await("an IP address", func(c catalog.Catalog) bool { return len(c.Services) == 1 })
	s.dns.Silence(true)
	s.give(service("db", "db.example"), service("web", "10.9.9.9"))
	s.await("the other passes", func(c catalog.Catalog) bool { return len(c.Services) == 2 })
	if got := s.catalog.Services[key("db")].Instances[0].Address; got != "10.0.0.7" {
		t.Errorf("meanwhile the service has %s", got)
	}
	s.dns.Silence(false)
	s.dns.Set("db.example.", 0, "10.0.0.1")
	s.await("resolved", has("db", "10.0.0.1"))
}

// What the answer says of its time to live counts, within bounds.
func TestANameIsAskedForAgainWhenItsTimeIsOver(t *testing.T) {
	s := begin(t, func(c *Config, _ *Resolver) { c.Most = time.Hour })
	s.dns.Set("long.example.", time.Hour, "10.0.0.1")
	s.dns.Set("short.example.", 0, "10.0.0.1")
	s.give(service("a", "long.example"), service("b", "short.example"))
	eventually(t, func() bool { return s.dns.Queries("short.example.") >= 5 })
	if n := s.dns.Queries("long.example."); n != 1 {
		t.Errorf("a name that lives an hour was asked for %d times", n)
	}
	for range 1000 {
		c := Config{Refresh: 5 * time.Second, Most: time.Minute}
		for _, want := range []struct {
			ttl      time.Duration
			failures int
			most     time.Duration
		}{{0, 0, 5 * time.Second}, {30 * time.Second, 0, 30 * time.Second}, {time.Hour, 0, time.Minute}, {0, 1, 5 * time.Second}, {0, 3, 20 * time.Second}, {0, 100, time.Minute}} {
			if got := c.pause(want.ttl, want.failures); got > want.most || got < want.most*3/4-1 {
				t.Fatalf("ttl %v, %d failures: a pause of %v, want up to %v", want.ttl, want.failures, got, want.most)
			}
		}
	}
}

func TestANameThatNobodyUsesIsForgotten(t *testing.T) {
	s := begin(t, nil)
	s.dns.Set("db.example.", 0, "10.0.0.1")
	s.give(service("db", "db.example"))
	s.await("resolved", has("db", "10.0.0.1"))
	s.in <- catalog.Delta{Gone: []catalog.ServiceKey{key("db")}}
	s.await("gone", func(c catalog.Catalog) bool { return len(c.Services) == 0 })
	eventually(t, func() bool { return s.Status().Names == 0 && len(s.Addresses()) == 0 })
	time.Sleep(100 * time.Millisecond) // what was under way
	n := s.dns.Queries("db.example.")
	time.Sleep(200 * time.Millisecond)
	if again := s.dns.Queries("db.example."); again != n {
		t.Errorf("it was asked for %d times more", again-n)
	}
}

// Dead names do not keep the places of the others for ever, and there are never more than Queries.
func TestQueriesAreBounded(t *testing.T) {
	s := begin(t, func(c *Config, _ *Resolver) { c.Queries = 2 })
	s.dns.Silence(true)
	var dead []string
	for i := range 10 {
		dead = append(dead, fmt.Sprintf("dead-%d.example", i))
	}
	s.give(service("dead", dead...))
	time.Sleep(50 * time.Millisecond)
	asked := 0
	for _, host := range dead {
		asked += s.dns.Queries(host)
	}
	if asked > 2 {
		t.Errorf("%d names were asked for at once", asked)
	}
}

func TestALongAnswerComesOverTCP(t *testing.T) {
	s := begin(t, nil)
	var many []string
	for i := range 200 {
		many = append(many, netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}).String())
	}
	s.dns.Set("many.example.", 0, many...)
	s.give(service("many", "many.example"))
	s.await("all of them", has("many", many...))
}

func TestTheHostsFileGoesFirstAndSearchDomainsApply(t *testing.T) {
	var hosts, resolv string
	s := begin(t, func(c *Config, _ *Resolver) { hosts, resolv = c.HostsFile, c.ResolvConf })
	write(t, hosts, "# a comment\n::1 db db6\n10.0.0.9\tdb # another\nnonsense x\n")
	write(t, resolv, "search corp.example\n")
	s.dns.Set("db.corp.example.", 0, "10.0.0.1")
	s.dns.Set("web.corp.example.", 0, "10.0.0.2")
	s.give(service("a", "db"), service("b", "web"), service("c", "db6"))
	s.await("all", func(c catalog.Catalog) bool {
		return has("a", "10.0.0.9")(c) && has("b", "10.0.0.2")(c) && has("c", "::1")(c)
	})
	write(t, hosts, "10.0.0.10 db\n10.0.0.10 db6\n")
	s.await("the file has changed", has("a", "10.0.0.10"))
}

// The servers are those of resolv.conf unless others are named.
func TestTheMachinesServersAreAsked(t *testing.T) {
	l := newLookup(Config{ResolvConf: filepath.Join(t.TempDir(), "resolv.conf"), HostsFile: os.DevNull})
	if got := fmt.Sprint(l.servers(l.resolv.Now())); got != "[127.0.0.1:53]" {
		t.Errorf("without a file: %s", got)
	}
	write(t, l.cfg.ResolvConf, "nameserver 10.0.0.2\nnameserver 2001:db8::53\n")
	if got := fmt.Sprint(l.servers(l.resolv.Now())); got != "[10.0.0.2:53 [2001:db8::53]:53]" {
		t.Errorf("with a file: %s", got)
	}
	l.cfg.Servers = []string{"10.0.0.3", "[2001:db8::1]:8600"}
	if got := fmt.Sprint(l.servers(l.resolv.Now())); got != "[10.0.0.3:53 [2001:db8::1]:8600]" {
		t.Errorf("with servers of its own: %s", got)
	}
	for _, bad := range []string{"", "dns.example", "10.0.0.1:", "10.0.0.1:0", ":53"} {
		c := DefaultConfig()
		if c.Servers = []string{bad}; c.Validate() == nil {
			t.Errorf("%q is taken for a server", bad)
		}
	}
}

func TestRunJoinsWhatItStarted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := begin(t, func(c *Config, _ *Resolver) { c.Timeout = time.Hour })
	s.dns.Silence(true)
	s.give(service("db", "db.example"))
	eventually(t, func() bool { return s.dns.Queries("db.example.") > 0 })
	s.stop() // though an answer is waited for
	s.dns.Stop()
}

func TestOnceLooksEachNameUpOnce(t *testing.T) {
	d := partstest.DNS(t)
	d.Set("db.example.", 0, "10.0.0.1")
	r := New(quick(t, d), slog.New(slog.DiscardHandler), nil)
	known := service("old", "old.example")
	known.Hosts = map[string]catalog.Host{"old.example": {Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.8")}}}
	c := catalog.Catalog{}.Apply(catalog.Delta{Set: []catalog.Service{
		service("a", "db.example"), service("b", "db.example"), service("none", "none.example"), service("ip", "10.0.0.5"), known}})
	got := r.Once(t.Context(), c)
	if !has("a", "10.0.0.1")(got) || !has("b", "10.0.0.1")(got) || !has("none")(got) || !has("old", "10.0.0.8")(got) || len(got.Services) != 5 || d.Queries("db.example.") != 1 {
		t.Errorf("%d queries gave %v", d.Queries("db.example."), got)
	}
	if len(c.Services[key("a")].Hosts) != 0 {
		t.Error("the catalog that it was given has changed")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, good func() bool) {
	t.Helper()
	for began := time.Now(); !good(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("it did not come to that")
		}
	}
}
