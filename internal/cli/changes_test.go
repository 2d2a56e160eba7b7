package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"legate/internal/admin"
	"legate/internal/changes"
	"legate/internal/logtest"
	"legate/xdsserver"
)

// remembering answers as a Legate does that remembers these changes, the oldest first, in pages of two at most.
func remembering(t *testing.T, all func() []changes.Change) (address string, asked *atomic.Value) {
	t.Helper()
	asked = &atomic.Value{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Query().Encode())
		values, out := r.URL.Query(), admin.Changes{Changes: []admin.Changed{}}
		var before, after changes.ID
		if before.UnmarshalText([]byte(values.Get("before"))) != nil || after.UnmarshalText([]byte(values.Get("after"))) != nil || values.Get("service") == "n/a" {
			http.Error(w, "that is not known", http.StatusBadRequest)
			return
		}
		there := all()
		if values.Has("after") {
			for _, c := range there {
				if c.ID.Number > after.Number {
					out.Changes = append(out.Changes, changed(c))
				}
			}
			if len(out.Changes) == 0 {
				time.Sleep(20 * time.Millisecond)
			}
			out.Next = there[len(there)-1].ID
		} else {
			for n := len(there) - 1; n >= 0 && len(out.Changes) < 2; n-- {
				if before == (changes.ID{}) || there[n].ID.Number < before.Number {
					out.Changes = append(out.Changes, changed(there[n]))
					if n > 0 && len(out.Changes) == 2 {
						out.Next = there[n].ID
					}
				}
			}
			if len(there) > 0 {
				out.Newest = there[len(there)-1].ID
			}
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), asked
}

// changed is a change with how far the first one has come.
func changed(c changes.Change) admin.Changed {
	out := admin.Changed{Change: c}
	if c.ID.Number == 1 {
		out.Delivery = &admin.ChangeDelivery{FirstSent: c.Published, LastAck: c.Published.Add(500 * time.Millisecond), Asked: 3, Acknowledged: 1, MissingCount: 2}
	}
	return out
}

func remembered() []changes.Change {
	at := time.Now().Truncate(time.Millisecond)
	was := func(n uint64, ago time.Duration, took time.Duration, lines ...changes.Line) changes.Change {
		c := changes.Change{ID: changes.ID{Mark: "k3f9qx", Number: n}, Kind: changes.Service, At: at.Add(-ago), Services: []string{"web"}, Lines: lines}
		if took > 0 {
			c.Answered, c.Published = c.At.Add(-took), c.At
		}
		return c
	}
	return []changes.Change{
		was(1, 48*time.Hour, 1500*time.Millisecond, changes.Line{Op: "+", What: "service"}, changes.Line{Op: "+", What: "instance", Instance: "n/1", Address: "10.0.0.7:80", Detail: "zone b, weight 3"}),
		was(2, time.Second, 12*time.Millisecond, changes.Line{Op: "~", What: "health", Instance: "n/1", Address: "10.0.0.7:80", From: "passing", To: "critical", Checks: []string{"web:http"}}),
		was(3, 0, 0, changes.Line{Op: "~", What: "tag", Key: "v2", Instance: "n/1", Address: "10.0.0.7:80", To: "set"}),
	}
}

var moment = regexp.MustCompile(`(?m)^(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3}`)

func TestChangesAreShownTheOldestFirst(t *testing.T) {
	address, asked := remembering(t, remembered)
	want := `WHEN          SENT       ACKED              WHAT
AT  +1.5 s     +2.0 s, 2 missing  web  + service
AT                                web  + 10.0.0.7:80 (zone b, weight 3)
AT                                web  ~ 10.0.0.7:80 health passing -> critical (check web:http)
AT  nothing                       web  ~ 10.0.0.7:80 tag v2 is new
`
	for args, query := range map[string]string{
		"":                                    "before=k3f9qx-2&limit=98",
		"web":                                 "before=k3f9qx-2&limit=98&service=web",
		"web --since 3h":                      "before=k3f9qx-2&limit=500&service=web&since=3h",
		"--kind service --kind policy":        "before=k3f9qx-2&kind=service%2Cpolicy&limit=98",
		"--limit 700 web":                     "before=k3f9qx-2&limit=500&service=web",
		"--since 2026-11-27T02:41:00Z":        "before=k3f9qx-2&limit=500&since=2026-11-27T02%3A41%3A00Z",
		"--since 3h --limit 1 --follow=false": "before=k3f9qx-2&limit=500&since=3h",
	} {
		got := legate(t, nil, append([]string{"changes", "--admin-addr", address}, strings.Fields(args)...)...)
		if out := moment.ReplaceAllString(got.out, "AT"); got.code != 0 || out != want || got.err != "" {
			t.Errorf("%s: exit %d\n%s%s\nwant %s", args, got.code, out, got.err, want)
		}
		if asked.Load() != query {
			t.Errorf("%s asks for %s, want %s", args, asked.Load(), query)
		}
		if strings.Contains(got.out, "\x1b") {
			t.Error("there are colours, and there is no terminal")
		}
	}
	if got := legate(t, nil, "changes", "--admin-addr", address, "--json"); strings.Count(got.out, "\n") != 3 || !strings.Contains(got.out, `"id":"k3f9qx-1","kind":"service"`) {
		t.Errorf("%+v", got)
	}
	old := legate(t, nil, "changes", "--admin-addr", address).out
	if lines := strings.Split(old, "\n"); len(moment.FindString(lines[1])) != len("2026-11-27 02:41:07.123") {
		t.Errorf("the day is not said: %s", lines[1])
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"n/a", 1, "400 Bad Request: that is not known"},
		{"--kind x", exitUsage, "want some of snapshot, service"},
		{"--limit 0", exitUsage, "--limit"},
		{"web api", exitUsage, "api"},
	} {
		if got := legate(t, nil, append([]string{"changes", "--admin-addr", address}, strings.Fields(c.args)...)...); got.code != c.code || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: %+v", c.args, got)
		}
	}
	none, _ := remembering(t, func() []changes.Change { return nil })
	if got := legate(t, nil, "changes", "--admin-addr", none); got.code != 0 || !strings.Contains(got.out, "no such change is remembered") {
		t.Errorf("%+v", got)
	}
}

// Who follows is shown each change once, as it comes.
func TestChangesAreFollowed(t *testing.T) {
	var there atomic.Int64
	there.Store(2)
	address, _ := remembering(t, func() []changes.Change { return remembered()[:there.Load()] })
	var out, errs logtest.Buffer
	p := program{out: &out, err: &errs, getenv: func(string) string { return "" }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- p.run(ctx, []string{"legate", "changes", "--follow", "--admin-addr", address}) }()
	await := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !strings.Contains(out.String(), want); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q is not in\n%s%s", want, out.String(), errs.String())
			}
		}
	}
	await("web:http")
	there.Store(3)
	await("tag v2 is new")
	cancel()
	if code := <-ended; code != 0 || strings.Count(out.String(), "\n") != 5 {
		t.Errorf("exit %d:\n%s%s", code, out.String(), errs.String())
	}
}

// A word that looks like an id is one if there is such a change, and else the name of a service.
func TestOneChangeSaysWhoIsMissing(t *testing.T) {
	at := time.Now().Add(-time.Minute)
	known, _ := remembering(t, remembered)
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/changes/k3f9qx-7", func(w http.ResponseWriter, _ *http.Request) {
		c := remembered()[1]
		c.ID.Number, c.Index, c.Published, c.Answered = 7, 31, at, at.Add(-2*time.Millisecond)
		_ = json.NewEncoder(w).Encode(admin.Changed{Change: c, Delivery: &admin.ChangeDelivery{FirstSent: at, LastAck: at, Asked: 4, Acknowledged: 2, MissingCount: 2, Overtaken: at.Add(3 * time.Second), OvertakenBy: changes.ID{Mark: "k3f9qx", Number: 8},
			Missing: []admin.ChangeAwaited{{Type: "endpoints", Awaited: xdsserver.Awaited{Node: "edge-2", State: xdsserver.Nacked, Since: at, Why: "a\x1bb"}}}}})
	})
	mux.HandleFunc("/api/v1/changes", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+known+r.URL.String(), http.StatusFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	run := func(args ...string) result {
		return legate(t, nil, append([]string{"changes", "--admin-addr", server.Listener.Addr().String()}, args...)...)
	}
	want := `k3f9qx-7  web, at AT
  ~ 10.0.0.7:80 health passing -> critical (check web:http)
index of Consul: 31
2 of 4 clients acknowledged it, the last one 2 ms after Consul's answer; it was overtaken after 3.0 s.
overtaken by k3f9qx-8 at AT: what follows is as it was then
NODE    STATE   OF         FOR  WHY
edge-2  NACKED  endpoints  3s   a\x1bb
and 1 more
`
	if got := run("k3f9qx-7"); got.code != 0 || regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`).ReplaceAllString(got.out, "AT") != want {
		t.Errorf("exit %d\n%s%s\nwant %s", got.code, got.out, got.err, want)
	}
	if got := run("--json", "k3f9qx-7"); got.code != 0 || !strings.Contains(got.out, `"overtaken_by":"k3f9qx-8"`) || strings.Count(got.out, "\n") != 1 {
		t.Errorf("%+v", got)
	}
	if got := run("worker-7"); got.code != 0 || !strings.Contains(got.out, "  web  + service") {
		t.Errorf("%+v", got)
	}
}

func TestColoursOfChanges(t *testing.T) {
	var out logtest.Buffer
	s := changesSight{p: &program{out: &out}, colour: true}
	if err := s.show([]admin.Changed{{Change: remembered()[1]}}); err != nil || !strings.Contains(out.String(), "  web  \x1b[33m~ 10.0.0.7:80 health") {
		t.Errorf("%v %q", err, fmt.Sprint(out.String()))
	}
}
