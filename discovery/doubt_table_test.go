package discovery

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/internal/consultest"
)

// answering answers questions about svc-000, or only those that the leader need not answer.
func answering(onlyPlain bool, index uint64, body string, header ...string) func(*fakeConsul) {
	return func(fake *fakeConsul) {
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path != healthPath+"svc-000" || onlyPlain && req.URL.Query().Has("consistent") {
				return nil, nil
			}
			return marked(consultest.Answer(200, index, body), header), nil
		})
	}
}

func marked(resp *http.Response, header []string) *http.Response {
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

const (
	filteredHeader = "X-Consul-Results-Filtered-By-ACLs"
	policyHeader   = "X-Consul-Default-Acl-Policy"
)

// instancesOf is an answer with one instance less than svc-000 has.
func instancesOf(datacenter string) string {
	return `[{"Node":{"Node":"n","Address":"10.0.0.1","Datacenter":"` + datacenter + `"},"Service":{"ID":"svc-0000","Service":"svc-000","Port":80},"Checks":[{"CheckID":"c","Status":"passing"}]},` +
		`{"Node":{"Node":"n","Address":"10.0.0.1"},"Service":{"ID":"svc-0001","Service":"svc-000","Port":81},"Checks":[{"CheckID":"c","Status":"passing"}]}]`
}

// Each reason not to believe an answer: how it is provoked, what is shown meanwhile, how it ends.
func TestEachDoubtHasAnEnd(t *testing.T) {
	const three = 3 // instances of svc-000
	mended := func(fake *fakeConsul) { fake.resume() }
	emptyFor := func(fake *fakeConsul) {
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			body := "[]"
			if req.URL.Path == "/v1/catalog/services" {
				body = "{}"
			}
			return marked(consultest.Answer(200, 500, body), []string{policyHeader, "deny"}), nil
		})
	}
	tested := map[string]bool{}
	for _, c := range []struct {
		name     string
		doubt    string
		expected bool // that policies hide a part
		services int
		provoke  func(*fakeConsul)
		shown    string            // as a problem that names svc-000; empty: it is over before anybody could see it
		end      func(*fakeConsul) // nil: it ends by itself
		within   time.Duration     // the end
		left     int               // instances of svc-000 then
	}{
		{"not what Consul writes", "unreadable", false, 5, answering(false, 900, "<html>"), "garbage", mended, 31 * time.Second, three},
		{"an error", "status", false, 5, func(f *fakeConsul) {
			f.spoilWith(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path != healthPath+"svc-000" {
					return nil, nil
				}
				return consultest.Answer(500, 1, "rpc error"), nil
			})
		}, "unavailable", mended, 31 * time.Second, three},
		{"another datacenter's", "foreign", false, 5, answering(false, 900, instancesOf("dc2")), "foreign", mended, 31 * time.Second, three},
		{"no index", "no_index", false, 5, answering(false, 0, instancesOf("dc1")), "doubtful", mended, 31 * time.Second, three},
		{"no index, from one server only", "no_index", false, 5, answering(true, 0, instancesOf("dc1")), "", nil, 0, three},
		{"index 1, from one server only", "index_one", false, 5, answering(true, 1, "[]"), "", nil, 0, three},
		{"index 1, from the leader", "index_one", false, 5, answering(false, 1, "[]"), "held_emptied", nil, 75 * time.Second, 0},
		{"an index that went back, from one server only", "index_back", false, 5, answering(true, 5, "[]"), "", nil, 0, three},
		{"an index that went back, from the leader", "index_back", false, 5, answering(false, 5, instancesOf("dc1")), "held_doubted", nil, 13 * time.Second, 2},
		{"an index that stands still, from one server only", "index_stuck", false, 5, func(f *fakeConsul) { answering(true, f.at["svc-000"], "[]")(f) }, "", nil, 0, three},
		{"an index that stands still, from the leader", "index_stuck", false, 5, func(f *fakeConsul) { f.move("svc-000", "svc-001") }, "held_doubted", nil, 13 * time.Second, 2},
		{"less, from one server only", "contradicted", false, 5, answering(true, 900, instancesOf("dc1")), "", nil, 0, three},
		{"policies hide a part, and nobody said so", "filtered", false, 5, answering(false, 900, instancesOf("dc1"), filteredHeader, "true"), "filtered", mended, 31 * time.Second, three},
		{"policies begin to hide a part, as was said", "filtered", true, 5, answering(false, 900, instancesOf("dc1"), filteredHeader, "true"), "held_doubted", nil, 13 * time.Second, 2},
		{"policies may hide all, and nobody said so", "hidden", false, 1, emptyFor, "filtered", mended, 31 * time.Second, three},
		{"policies may hide all, as was said", "hidden", true, 1, emptyFor, "held_emptied", nil, 90 * time.Second, -1},
	} {
		tested[c.doubt] = true
		t.Run(c.name, func(t *testing.T) {
			fake := many(c.services, 2)
			fake.put("svc-000", 0, three, "passing")
			cfg := guardedConfig()
			cfg.Watch.FilteredExpected = c.expected
			inTime(t, cfg, fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				began := time.Now()
				c.provoke(fake)
				named := func() bool {
					for _, p := range r.Status().Problems {
						if p.Kind == c.shown && strings.Contains(p.Detail, "svc-000") && !p.Since.IsZero() && p.Remedy != "" {
							return !c.expected || !strings.Contains(p.Remedy+p.Detail, "--consul-filtered-expected")
						}
					}
					return c.shown == ""
				}
				until(t, 80*time.Second, named) // a query may wait for a minute before it sees it
				if c.shown == "" {
					time.Sleep(80 * time.Second)
				}
				if n := r.size("svc-000"); n != three {
					t.Fatalf("%d instances after %v, while it is in doubt", n, time.Since(began))
				}
				if c.end != nil {
					time.Sleep(time.Hour)
					if !named() || r.size("svc-000") != three {
						t.Errorf("after an hour: %d instances, problems %+v", r.size("svc-000"), r.Status().Problems)
					}
					c.end(fake)
				}
				until(t, c.within, func() bool {
					for _, p := range r.Status().Problems {
						if p.Kind != "hidden" {
							return false
						}
					}
					return r.size("svc-000") == c.left
				})
			})
		})
	}
	for _, d := range []string{"no_index", "index_one", "index_back", "index_stuck", "filtered", "contradicted", "hidden", "foreign", "status", "unreadable"} {
		if !tested[d] {
			t.Errorf("the end of %q is not tested", d)
		}
	}
}
