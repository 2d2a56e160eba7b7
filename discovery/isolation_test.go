package discovery

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// narrow lets so many requests pass at once, those that came first, as connections of HTTP/1.1 do.
type narrow struct {
	next http.RoundTripper
	room chan struct{}
}

func (n *narrow) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case n.room <- struct{}{}:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	defer func() { <-n.room }()
	return n.next.RoundTrip(req)
}

// A datacenter with more services than there are connections hangs, from the start or later on. Over HTTP/1.1
// each of its questions holds a connection for 40 s. Changes of the others are handed out without delay.
func TestASiteThatHangsDelaysNobody(t *testing.T) {
	for what, later := range map[string]bool{"from the start": false, "later on": true} {
		t.Run(what, func(t *testing.T) {
			fake := newFakeSites(many(20, 2)).with("dc2", many(300, 2)).with("dc3", many(4, 2))
			fake.frozen["dc2"] = !later
			cfg := sitesConfig()
			cfg.Peers, cfg.Consul.MaxConnections = nil, 60
			federatingOver(t, cfg, fake, &narrow{fake, make(chan struct{}, cfg.Consul.MaxConnections)}, nowhere, func(t *testing.T, r *federated) {
				time.Sleep(2 * time.Minute)
				fake.change(func() { fake.frozen["dc2"] = true })
				for n := range 40 {
					time.Sleep(1100 * time.Millisecond)
					fake.own.set(name(n%20), 3+n/20)
					fake.others["dc3"].set(name(n%4), 3+n/4)
					before := time.Now()
					for _, s := range []struct {
						key  catalog.ServiceKey
						want int
					}{{catalog.ServiceKey{Datacenter: "dc1", Name: name(n % 20)}, 3 + n/20}, {catalog.ServiceKey{Datacenter: "dc3", Name: name(n % 4)}, 3 + n/4}} {
						for r.size(s.key) != s.want {
							time.Sleep(time.Millisecond)
							if time.Since(before) > 5*time.Millisecond {
								t.Fatalf("a change of %v is not handed out after %v, %v after the start; status: %+v", s.key, time.Since(before), n, r.Status())
							}
						}
					}
				}
				if s := r.Status(); !s.Connected || !s.Sites[0].Stale || s.Sites[1].Stale || s.Direct != 20 || s.Sites[1].Direct != 4 {
					t.Errorf("status: %+v", s)
				}
			})
		})
	}
}

// size is how many instances the reader has of a service.
func (r *federated) size(key catalog.ServiceKey) int {
	c, _ := r.now()
	return len(c.Services[key].Instances)
}

// BenchmarkChangeBesideASiteThatHangs is how long a change takes from Consul's answer to the reader, over plain
// HTTP, without another datacenter, with one, and with one that hangs and has more services than there are connections.
func BenchmarkChangeBesideASiteThatHangs(b *testing.B) {
	for _, c := range []struct {
		name   string
		other  bool
		frozen bool
	}{{"alone", false, false}, {"beside another", true, false}, {"beside one that hangs", true, true}} {
		b.Run(c.name, func(b *testing.B) {
			fake := newFakeSites(many(30, 4))
			cfg := sitesConfig()
			cfg.Peers, cfg.SiteWait, cfg.Consul.MaxConnections = nil, time.Second, 100
			if cfg.Datacenters = nil; c.other {
				fake.with("dc2", many(300, 4))
				cfg.Datacenters = []string{"dc2"}
			}
			fake.frozen["dc2"] = c.frozen
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				resp, err := fake.RoundTrip(req)
				if err != nil {
					return
				}
				for key, values := range resp.Header {
					w.Header()[key] = values
				}
				w.WriteHeader(resp.StatusCode)
				_, _ = io.Copy(w, resp.Body)
			}))
			defer server.Close()
			cfg.Consul.Address = strings.TrimPrefix(server.URL, "http://")
			f, err := NewFederation(cfg, slog.New(slog.DiscardHandler), nil)
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			out, ended := make(chan catalog.Delta), make(chan error, 1)
			go func() { ended <- f.Run(ctx, out) }()
			defer func() {
				cancel()
				if err := <-ended; err != nil {
					b.Error(err)
				}
			}()
			<-out
			f.Served()
			settle := time.After(2 * time.Second) // first reads and their queries
			for settled := false; !settled; {
				select {
				case <-out:
				case <-settle:
					settled = true
				}
			}
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				time.Sleep(2 * time.Millisecond) // slower than a service that changes all the time is read
				key := catalog.ServiceKey{Datacenter: "dc1", Name: name(n % 30)}
				before := time.Now()
				fake.own.set(key.Name, 5+n/30) // more than before: losses would be held
				for {
					if d := <-out; slices.ContainsFunc(d.Set, func(s catalog.Service) bool { return s.Key == key }) {
						break
					}
				}
				took = append(took, time.Since(before))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
