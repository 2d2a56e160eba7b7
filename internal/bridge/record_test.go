package bridge

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"legate/discovery/catalog"
	"legate/internal/changes"
	"legate/translate"
)

// said are the changes after that many, the oldest first, each in one line.
func said(r *changes.Record, after int) (all []string) {
	for _, c := range r.After(changes.ID{}, changes.Query{}).Changes[after:] {
		all = append(all, fmt.Sprintf("%s %s: %s", c.Kind, c.Name(), strings.Join(c.Texts(), "; ")))
	}
	return all
}

func recording(t *testing.T, first ...catalog.Service) (*crossing, *changes.Record) {
	t.Helper()
	c, r := newCrossing(translate.DefaultConfig()), changes.New()
	c.Record(r)
	if err := c.carry(catalog.Delta{Set: first, Since: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return c, r
}

func TestWhatIsPublishedIsRecorded(t *testing.T) {
	web, api := service("web", 80), service("api", 80)
	key := catalog.EntryKey{Kind: catalog.ServiceDefaults, Name: "web"}
	grpc := catalog.Entry{Key: key, Protocol: "grpc"}
	critical := service("web", 80)
	critical.Instances[0].Health, critical.Instances[0].Checks = catalog.Critical, []catalog.Check{{ID: "web:http", Status: "critical"}}
	moved, ports := service("web", 81), service("web", 81)
	ports.Instances[0].Ports = []catalog.Port{{Name: "http", Port: 81, Default: true}, {Name: "admin", Port: 82}}
	odd := service("web", 81)
	odd.Instances[0].Checks = []catalog.Check{{ID: "b", Status: "passing"}}
	c, r := recording(t, api, web)
	if got := said(r, 0); !slices.Equal(got, []string{"snapshot snapshot: + complete (2 services, 2 instances, 0 config entries)"}) {
		t.Errorf("at first: %q", got)
	}
	n := 1
	for _, step := range []struct {
		what      string
		delta     catalog.Delta
		want      string
		published bool
		versions  string // of the cluster and of the endpoints
	}{
		{"health", catalog.Delta{Set: []catalog.Service{critical}}, "service web: ~ 10.0.0.1:80 health passing -> critical (check web:http)", true, "-e"},
		{"port", catalog.Delta{Set: []catalog.Service{moved}}, "service web: ~ 10.0.0.1:81 health critical -> passing; ~ 10.0.0.1:81 address 10.0.0.1:80 -> 10.0.0.1:81", true, "-e"},
		{"a check", catalog.Delta{Set: []catalog.Service{odd}}, "service web: ~ 10.0.0.1:81 check b unset -> passing", false, "--"},
		{"a further port", catalog.Delta{Set: []catalog.Service{ports}}, "service web: ~ 10.0.0.1:81 check b passing -> unset; ~ 10.0.0.1:81 port admin unset -> 82; ~ 10.0.0.1:81 port http unset -> 81 (default)", true, "--"},
		{"gone", catalog.Delta{Gone: []catalog.ServiceKey{api.Key}}, "service api: - service; - 10.0.0.1:80", true, "--"},
		{"new", catalog.Delta{Set: []catalog.Service{api}}, "service api: + service; + 10.0.0.1:80", true, "ce"},
	} {
		step.delta.Since = time.Now().Add(-time.Second)
		if err := c.carry(step.delta); err != nil {
			t.Fatal(err)
		}
		got := said(r, n)
		if !slices.Equal(got, []string{step.want}) {
			t.Errorf("%s: %q\nwant %q", step.what, got, step.want)
		}
		n += len(got)
		last := r.Back(changes.Query{Limit: 1}).Changes[0]
		versions := []byte("--")
		if last.Cluster != "" {
			versions[0] = 'c'
		}
		if last.Endpoints != "" {
			versions[1] = 'e'
		}
		if string(versions) != step.versions || last.Published.IsZero() == step.published || !last.Answered.Equal(step.delta.Since) || step.published && (last.Seconds() < 1 || last.Seconds() > 60) {
			t.Errorf("%s: %+v has %s, want %s and published %v", step.what, last, versions, step.versions, step.published)
		}
	}
	if err := c.carry(catalog.Delta{Entries: []catalog.Entry{grpc}}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"policy web and 1 more: ~ policy protocol unset -> grpc (consul service-defaults/web)",
		"entry web: + entry service-defaults/web; ~ Protocol unset -> grpc (service-defaults/web)",
	}
	got := said(r, n)
	for _, one := range want {
		if !slices.ContainsFunc(got, func(s string) bool { return s == one || strings.Replace(one, " and 1 more", "", 1) == s }) {
			t.Errorf("%q is not in %q", one, got)
		}
	}
}

// Who asks what became of a service hears of its ports, too, by their own names.
func TestAPortsChangeOfPolicyIsFoundWithItsService(t *testing.T) {
	web := service("web", 80)
	web.Instances[0].Ports = []catalog.Port{{Name: "http", Port: 80, Default: true}, {Name: "admin", Port: 82}}
	whileItRuns(t, catalog.Delta{Set: []catalog.Service{service("api", 80), web}}, func(g *going) {
		r := changes.New()
		g.Record(r) // the bridge waits
		g.Spread(0)
		g.Adopt(under(t, "services: [{match: {ports: [admin]}, connect_timeout: 2s}]"))
		g.after(time.Minute)
		for of, n := range map[string]int{"web": 1, "web.admin.port": 1, "api": 0} {
			all := r.Back(changes.Query{Service: of}).Changes
			if len(all) != n || n > 0 && !slices.Equal(all[0].Services, []string{"web.admin.port"}) {
				t.Errorf("of %s: %+v", of, all)
			}
		}
	})
}

// A Delta of very many services leaves what was recorded before.
func TestWhatChangesAtOnceDoesNotFillTheRecord(t *testing.T) {
	var all, moved []catalog.Service
	for n := range 3 * recordedAtOnce {
		all, moved = append(all, service(fmt.Sprintf("s%04d", n), 80)), append(moved, service(fmt.Sprintf("s%04d", n), 81))
	}
	c, r := recording(t, all...)
	if err := c.carry(catalog.Delta{Set: moved[:2*recordedAtOnce], Gone: []catalog.ServiceKey{moved[2*recordedAtOnce].Key}}); err != nil {
		t.Fatal(err)
	}
	got := said(r, 1)
	if len(got) != recordedAtOnce+1 || got[recordedAtOnce] != "more more: ~ services (1000 more that changed at once, and 1 more that are gone)" {
		t.Errorf("%d changes, the last one %s", len(got), got[len(got)-1])
	}
}

// Many services whose policy changes alike are few changes.
func TestAPolicyThatChangesManyServicesIsFewChanges(t *testing.T) {
	whileItRuns(t, fleet(120), func(g *going) {
		r := changes.New()
		g.Record(r) // the bridge waits
		g.Spread(0)
		g.Adopt(under(t, "defaults: {connect_timeout: 2s}"))
		g.after(time.Minute)
		all := r.Back(changes.Query{}).Changes
		services := 0
		for _, c := range all {
			services += len(c.Services)
			if got := strings.Join(c.Texts(), "; "); c.Kind != changes.Policy || got != "~ policy connect_timeout 5s -> 2s (defaults policy.yaml:1)" || c.Published.IsZero() || !c.Answered.IsZero() {
				t.Errorf("%+v: %s", c, got)
			}
		}
		if services != 120 || len(all) > 12 {
			t.Errorf("%d services in %d changes", services, len(all))
		}
	})
}

// BenchmarkChange carries a change of one instance of eight, in a catalog of 10,000 services: without recording it, with
// that, and with one who follows the record and logs, as "legate serve" does. It reports the CPU of the whole process.
func BenchmarkChange(b *testing.B) {
	for _, how := range []string{"unrecorded", "recorded", "logged"} {
		b.Run(how, func(b *testing.B) {
			var first catalog.Delta
			for i := range 10_000 {
				s := service(fmt.Sprintf("s%05d", i), 80)
				for n := range 7 {
					more := s.Instances[0]
					more.ID, more.Port = fmt.Sprint(s.Key.Name, "-", n+2), 81+n
					more.Meta, more.Tags = map[string]string{"version": "1.2.3", "team": "shop"}, []string{"blue", "v1"}
					s.Instances = append(s.Instances, more)
				}
				first.Set = append(first.Set, s)
			}
			log := slog.New(slog.NewTextHandler(io.Discard, nil))
			c := New(translate.DefaultConfig(), func() string { return "dc1" }, &arrivals{}, log, nil)
			if how != "unrecorded" {
				r := changes.New()
				c.Record(r)
				if how == "logged" {
					go r.Tell(b.Context(), log, nil)
				}
			}
			if err := c.carry(first); err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			n, before := 0, spent(b)
			for b.Loop() {
				s := first.Set[n*7919%len(first.Set)]
				s.Instances = slices.Clone(s.Instances)
				s.Instances[n%8].Weights.Passing = 2 + n%53 // another one each time
				if err := c.carry(catalog.Delta{Set: []catalog.Service{s}, Since: time.Now()}); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric((spent(b)-before).Seconds()*1e6/float64(n), "cpu-µs/op")
		})
	}
}

// spent is the CPU that this process has had so far.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A service elsewhere is called as clients call it.
func TestChangesElsewhereSayWhere(t *testing.T) {
	remote := func(at catalog.Site, port int) catalog.Service {
		s := service("web", port)
		s.Key = at.Service("web")
		return s
	}
	dc2, peer := catalog.Site{Datacenter: "dc2"}, catalog.Site{Datacenter: "dc1", Peer: "cluster01"}
	config := translate.DefaultConfig()
	config.Remote = true
	c, r := newCrossing(config), changes.New()
	c.Record(r)
	for _, d := range []catalog.Delta{
		{Set: []catalog.Service{service("web", 80), remote(peer, 80), remote(dc2, 80)}},
		{Set: []catalog.Service{remote(dc2, 81)}},
		{Gone: []catalog.ServiceKey{peer.Service("web")}},
	} {
		if err := c.carry(d); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"snapshot snapshot: + complete (3 services of cluster01.peer, dc1, dc2, 3 instances, 0 config entries)",
		"service web.dc2: ~ 10.0.0.1:81 address 10.0.0.1:80 -> 10.0.0.1:81",
		"service web.cluster01.peer: - service; - 10.0.0.1:80",
	}
	if got := said(r, 0); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	for _, c := range r.After(changes.ID{}, changes.Query{}).Changes {
		if c.Published.IsZero() {
			t.Errorf("%s is not published", c.Name())
		}
	}
}

// What is served only as the place that another service fails over to has no name of its own, and is published all the same.
func TestAChangeOfWhatIsFailedOverToIsPublished(t *testing.T) {
	config := translate.DefaultConfig()
	config.Remote = false
	c, r := newCrossing(config), changes.New()
	c.Record(r)
	c.adopt(under(t, "defaults: {failover: [dc2]}"))
	far := service("web", 80)
	far.Key = catalog.Site{Datacenter: "dc2"}.Service("web")
	far.Instances[0].Address = "10.2.0.1"
	moved := far
	moved.Instances = slices.Clone(far.Instances)
	moved.Instances[0].Port = 81
	for _, d := range []catalog.Delta{{Set: []catalog.Service{service("web", 80), far}}, {Set: []catalog.Service{moved}}, {Gone: []catalog.ServiceKey{far.Key}}} {
		if err := c.carry(d); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range r.After(changes.ID{}, changes.Query{Service: "web.dc2"}).Changes {
		if one.Published.IsZero() {
			t.Errorf("%s %q is not published", one.Name(), one.Texts())
		}
	}
	if n := len(r.After(changes.ID{}, changes.Query{Service: "web.dc2"}).Changes); n != 2 {
		t.Errorf("%d changes of web.dc2", n)
	}
}
